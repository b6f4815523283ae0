/**
 * What a study shows while it works: on a terminal a row for each run in progress under those that have ended, plain
 * lines where the output is piped.
 *
 * @module
 */
import type { WriteStream } from "node:tty";
import { MultiBar, type SingleBar } from "cli-progress";
import { type Cell, describeCell } from "./grid.ts";
import type { Ledger } from "./ledger.ts";
import type { RunEnd, StudyObserver } from "./run-study.ts";
import { TimeLeft } from "./time-left.ts";
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
      left.export(cell);
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
      left.export(cell);
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
