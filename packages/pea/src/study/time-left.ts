/**
 * How long a study will take from now on.
 *
 * @module
 */
import { meanOf } from "../common/mean.ts";
import { formatSeconds } from "../terminal/time-left.ts";
import { secondsOf } from "./estimate.ts";
import type { Cell } from "./grid.ts";
import type { Ledger } from "./ledger.ts";
import type { RunProgress } from "./worker-messages.ts";

/** A run in progress; times in milliseconds. */
interface RunningRun {
  /** Its first progress, and the share of the run that was trained then. */
  since: number;
  first: number | null;
  /** That is trained now. */
  share: number;
  /** Since when it is exported. */
  exportedSince: number | null;
}

/** Time left of the whole study, at the speed of the runs that have ended and of those in progress. */
export class TimeLeft {
  readonly #running = new Map<Cell, RunningRun>();
  readonly #over = new Set<string>();
  /** Seconds that runs were exported for, to all of their targets. */
  readonly #exports: number[] = [];

  constructor(
    private readonly scope: { grid: readonly Cell[]; ledger: Pick<Ledger, "has" | "timingOf">; jobs: number },
    private readonly now: () => number = () => performance.now(),
  ) {}

  start(cell: Cell): void {
    this.#running.set(cell, { since: this.now(), first: null, share: 0, exportedSince: null });
  }

  progress(cell: Cell, { step, steps }: RunProgress): void {
    const run = this.#running.get(cell);
    if (run === undefined) return;
    run.share = step / steps;
    if (run.first !== null) return;
    run.first = run.share;
    run.since = this.now();
  }

  /** It is trained, and exported from now on, to one target after the other. */
  export(cell: Cell): void {
    const run = this.#running.get(cell);
    if (run === undefined) return;
    run.share = 1;
    run.exportedSince ??= this.now();
  }

  end(cell: Cell): void {
    const since = this.#running.get(cell)?.exportedSince ?? null;
    if (since !== null) this.#exports.push((this.now() - since) / 1000);
    this.#running.delete(cell);
    this.#over.add(cell.hash);
  }

  /** `2 h 10 min left`, with `at least` before it while no run has been exported yet that is to be; empty while nothing is known. */
  text(): string {
    const { grid, ledger, jobs } = this.scope;
    const missing = new Map(
      grid.filter((cell) => !ledger.has(cell) && !this.#over.has(cell.hash)).map((cell) => [cell.hash, cell]),
    );
    const current = mean([...this.#running.values()].flatMap((run) => this.#secondsAtItsSpeed(run)));
    const exported = mean(this.#exports);
    const parts = [...missing.values()].map((cell) => {
      const run = [...this.#running].find(([{ hash }]) => hash === cell.hash)?.[1];
      const seconds = secondsOf(cell, grid, ledger) ?? current;
      if (seconds === null) return null;
      const trained = seconds * (1 - (run?.share ?? 0));
      const elapsed = run?.exportedSince ? (this.now() - run.exportedSince) / 1000 : 0;
      return cell.targets.length === 0 ? trained : trained + Math.max(0, (exported ?? 0) - elapsed);
    });
    if (parts.length === 0 || parts.includes(null)) return "";
    const seconds = parts.reduce<number>((sum, part) => sum + (part ?? 0), 0);
    const isLeast = exported === null && [...missing.values()].some(({ targets }) => targets.length > 0);
    const left = `${formatSeconds(seconds / Math.min(jobs, parts.length))} left`;
    return isLeast ? `at least ${left}` : left;
  }

  /** Of the whole run; none before it has come further. */
  #secondsAtItsSpeed({ since, first, share, exportedSince }: RunningRun): number[] {
    const elapsed = ((exportedSince ?? this.now()) - since) / 1000;
    return first !== null && share > first ? [elapsed / (share - first)] : [];
  }
}

const mean = (values: readonly number[]): number | null => (values.length === 0 ? null : meanOf(values));
