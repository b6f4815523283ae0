/**
 * What a study shows while it works: on a terminal a row for each run in progress under those that have ended, plain
 * lines where the output is piped.
 *
 * @module
 */
import type { WriteStream } from "node:tty";
import { MultiBar, type SingleBar } from "cli-progress";
import { formatSeconds } from "../terminal/progress.ts";
import { secondsOf } from "./estimate.ts";
import { type Cell, describeCell } from "./grid.ts";
import type { Ledger } from "./ledger.ts";
import type { RunEnd, StudyObserver } from "./run-study.ts";
import type { RunProgress } from "./worker-messages.ts";

export interface StudyProgress extends StudyObserver {
  /** Leaves the terminal as other output wants it. */
  stop(): void;
}

interface Scope {
  grid: readonly Cell[];
  ledger: Ledger;
  jobs: number;
}

/** @param stream where it goes; its `isTTY` decides on the table */
export function createStudyProgress(scope: Scope, stream: WriteStream): StudyProgress {
  return stream.isTTY ? tableProgress(scope, stream) : lineProgress(scope, stream);
}

function tableProgress(scope: Scope, stream: WriteStream): StudyProgress {
  const bars = new MultiBar(
    {
      format: "{bar} {percentage}%  {text}",
      stream,
      hideCursor: true,
      barsize: 20,
      gracefulExit: false,
      fps: 4,
      clearOnComplete: false,
    },
    undefined,
  );
  const left = new TimeLeft(scope);
  const { grid } = scope;
  const isDone = () => grid.filter((cell) => scope.ledger.has(cell)).length;
  const total = bars.create(grid.length, isDone(), { text: "" });
  const rows = new Map<Cell, SingleBar>();
  const updateTotal = () =>
    total.update(isDone(), { text: `${isDone()}/${grid.length} runs  ${left.text()}` });
  const removeRow = (cell: Cell) => {
    const row = rows.get(cell);
    if (row) bars.remove(row);
    rows.delete(cell);
  };
  updateTotal();
  return {
    onStart(cell) {
      left.start(cell);
      rows.set(cell, bars.create(1, 0, { text: `${describeCell(cell)}  starting` }));
    },
    onProgress(cell, progress) {
      left.progress(cell, progress);
      const row = rows.get(cell);
      row?.setTotal(progress.steps);
      row?.update(progress.step, { text: `${describeCell(cell)}  ${describeProgress(progress)}` });
      updateTotal();
    },
    onTarget(cell, name) {
      rows.get(cell)?.update({ text: `${describeCell(cell)}  ${name}` });
    },
    onRetry(cell, message) {
      bars.log(`${describeCell(cell)}: ${message}; trying once more\n`);
    },
    onElsewhere(cell, owner) {
      removeRow(cell);
      bars.log(`${describeElsewhere(cell, owner)}\n`);
    },
    onEnd(cell, outcome, score) {
      left.end(cell);
      removeRow(cell);
      bars.log(`${describeEnd(cell, outcome, score)}\n`);
      updateTotal();
    },
    stop() {
      bars.update();
      bars.stop();
    },
  };
}

function lineProgress(scope: Scope, stream: WriteStream): StudyProgress {
  const left = new TimeLeft(scope);
  const { grid, ledger } = scope;
  const speak = (line: string) => stream.write(`${line}\n`);
  return {
    onStart(cell, directory) {
      left.start(cell);
      speak(`${describeCell(cell)}: ${directory}`);
    },
    onProgress(cell, progress) {
      left.progress(cell, progress);
    },
    onTarget(cell, name) {
      speak(`${describeCell(cell)}: exporting to ${name}`);
    },
    onRetry(cell, message) {
      speak(`${describeCell(cell)}: ${message}; trying once more`);
    },
    onElsewhere(cell, owner) {
      speak(describeElsewhere(cell, owner));
    },
    onEnd(cell, outcome, score) {
      left.end(cell);
      const done = grid.filter((other) => ledger.has(other)).length;
      speak(`${describeEnd(cell, outcome, score)}  ${done}/${grid.length} runs  ${left.text()}`);
    },
    stop() {},
  };
}

function describeProgress({ epoch, epochs, phase, score }: RunProgress): string {
  const facts = [`epoch ${epoch}/${epochs}`, ...(phase === "" ? [] : [phase])];
  if (score !== null) facts.push(`validation ${score.toFixed(2)} %`);
  return facts.join("  ");
}

const describeElsewhere = (cell: Cell, owner: string): string =>
  `${describeCell(cell)}: ${owner} works on it; the others first`;

function describeEnd(cell: Cell, outcome: RunEnd, score: number | null): string {
  const name = describeCell(cell);
  if (outcome.kind === "failed") return `${name}: failed: ${outcome.message}`;
  if (outcome.kind === "stopped") return `${name}: stopped, with a checkpoint`;
  return `${name}: test ${(score as number).toFixed(2)} %`;
}

/** Time left of the whole study, at the speed of the runs that have ended and of those in progress. */
class TimeLeft {
  private readonly running = new Map<Cell, { since: number; first: number | null; share: number }>();
  private readonly over = new Set<string>();

  constructor(private readonly scope: Scope) {}

  start(cell: Cell): void {
    this.running.set(cell, { since: performance.now(), first: null, share: 0 });
  }

  progress(cell: Cell, { step, steps }: RunProgress): void {
    const run = this.running.get(cell);
    if (run === undefined) return;
    run.share = step / steps;
    if (run.first !== null) return;
    run.first = run.share;
    run.since = performance.now();
  }

  end(cell: Cell): void {
    this.running.delete(cell);
    this.over.add(cell.hash);
  }

  /** `2 h 10 min left`; empty while nothing is known. */
  text(): string {
    const { grid, ledger, jobs } = this.scope;
    const missing = new Map(
      grid.filter((cell) => !ledger.has(cell) && !this.over.has(cell.hash)).map((cell) => [cell.hash, cell]),
    );
    const speeds = [...this.running.values()].flatMap(({ since, first, share }) =>
      first !== null && share > first ? [(performance.now() - since) / 1000 / (share - first)] : [],
    );
    const current =
      speeds.length === 0 ? null : speeds.reduce((sum, value) => sum + value, 0) / speeds.length;
    const shareOf = (hash: string) => [...this.running].find(([cell]) => cell.hash === hash)?.[1].share ?? 0;
    const parts = [...missing.values()].map((cell) => {
      const seconds = secondsOf(cell, grid, ledger) ?? current;
      return seconds === null ? null : seconds * (1 - shareOf(cell.hash));
    });
    if (parts.length === 0 || parts.includes(null)) return "";
    const seconds = parts.reduce<number>((sum, part) => sum + (part ?? 0), 0);
    return `${formatSeconds(seconds / Math.min(jobs, parts.length))} left`;
  }
}
