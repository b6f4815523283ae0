/**
 * A study from its grid to its results: trains what is missing, run by run, and writes results and tables after each.
 *
 * Several processes, on one machine or on several that share the folders, may work on it at a time. Whoever holds the lock of a
 * run's folder trains it; the others go on with the next and come back, to take its result or, if its process is gone, the run.
 *
 * @module
 */
import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { makeDirectory } from "../common/make-directory.ts";
import { openRunDirectory } from "../run/run-directory.ts";
import { describeOwner, heartbeat, lockOwner, lockRun, RunInUse, type RunLock } from "../run/run-lock.ts";
import { readRecipe } from "../run/trained-run.ts";
import { checkData } from "./check-data.ts";
import { checkInitialWeights } from "./check-initial-weights.ts";
import { collect } from "./collect.ts";
import { writeComparisons } from "./comparison-files.ts";
import type { Cell } from "./grid.ts";
import type { Ledger } from "./ledger.ts";
import { type JobOutcome, runJob } from "./run-job.ts";
import { planOf, type Study, writeStudy } from "./study-file.ts";
import { hasEnded, isRun, type StudyFolders } from "./study-folders.ts";
import { isWhole } from "./study-targets.ts";
import type { RunProgress } from "./worker-messages.ts";

/** How a run went that this process has trained, or found at its end. */
export type RunEnd = Exclude<JobOutcome, { kind: "elsewhere" }>;

/** Milliseconds between two looks at runs that other processes train. */
const LOOK_EVERY = 2000;

/** Watches a study. */
export interface StudyObserver {
  onStart?(cell: Cell, directory: string): void;
  onProgress?(cell: Cell, progress: RunProgress): void;
  /** A run has ended, and is exported to a target. */
  onTarget?(cell: Cell, name: string): void;
  onEnd?(cell: Cell, outcome: RunEnd, score: number | null): void;
  /** Another process works on it; told once. */
  onElsewhere?(cell: Cell, owner: string): void;
  /** A run whose process crashed is tried once more. */
  onRetry?(cell: Cell, message: string): void;
}

export interface StudyOptions {
  study: Study;
  grid: readonly Cell[];
  ledger: Ledger;
  folders: StudyFolders;
  /** Processes at a time. */
  jobs: number;
  /** Stops the study: runs write a checkpoint and end. */
  signal: AbortSignal;
  /** Go on although images that runs are scored on were trained on. */
  allowChangedData?: boolean;
  /** Told how the data have changed since runs were trained, if they have. */
  onNote?: (note: string) => void;
  observer?: StudyObserver;
}

/** A run that did not come to its end, and why. */
export interface FailedRun {
  cell: Cell;
  directory: string;
  message: string;
  /** Its loss was no number any more. */
  diverged: boolean;
}

/** What a call of `runStudy` has done. */
export interface StudyOutcome {
  /** Runs trained by this call. */
  trained: number;
  failed: FailedRun[];
  stopped: boolean;
}

/** Collects what has been trained already: a run whose line is missing although its folder holds its result. */
async function collectEnded({ study, grid, ledger, folders }: StudyOptions): Promise<void> {
  for (const cell of grid) {
    if (ledger.has(cell)) continue;
    const path = folders.pathOf(cell);
    if (hasEnded(path)) ledger.add(cell, await collect(cell, path));
  }
  await save(study, ledger);
}

/**
 * Trains the runs of the grid that have no result yet, and waits for those that other processes train. A run that fails is
 * named and the others go on.
 *
 * @throws PeaError (usage) where the data have changed so that images which runs are scored on were trained on, and where weights
 *   to begin with are not there
 */
export async function runStudy(options: StudyOptions): Promise<StudyOutcome> {
  const { ledger, folders, jobs } = options;
  makeDirectory(folders.path);
  await collectEnded(options);
  const waiting = runsToTrain(options.grid, (cell) => ledger.has(cell));
  const cells = waiting.map(([cell]) => cell as Cell);
  // Those that were begun go on with their own.
  checkInitialWeights(cells.filter((cell) => !isRun(folders.pathOf(cell))));
  await checkData(options, cells);
  const outcome: StudyOutcome = { trained: 0, failed: [], stopped: false };
  // Where results cannot be written, no run may go on unwatched.
  const broken = new AbortController();
  const signal = AbortSignal.any([options.signal, broken.signal]);
  const elsewhere = new Set<Cell[]>();
  const told = new Set<Cell[]>();
  const work = async (cells: Cell[]) => {
    const owner = await trainCells(cells, { ...options, signal }, outcome);
    if (owner === null) return;
    elsewhere.add(cells);
    if (!told.has(cells)) options.observer?.onElsewhere?.(cells[0] as Cell, owner);
    told.add(cells);
  };
  const lanes = Array.from({ length: Math.min(jobs, waiting.length) }, async () => {
    try {
      while (!signal.aborted && waiting.length + elsewhere.size > 0) {
        for (let cells = waiting.shift(); cells && !signal.aborted; cells = waiting.shift())
          await work(cells);
        if (elsewhere.size > 0) await sleep(LOOK_EVERY, null, { signal }).catch(() => {});
        waiting.push(...elsewhere);
        elsewhere.clear();
      }
    } catch (error) {
      broken.abort();
      throw error;
    }
  });
  for (const lane of await Promise.allSettled(lanes)) if (lane.status === "rejected") throw lane.reason;
  return { ...outcome, stopped: options.signal.aborted };
}

/**
 * The runs to train, each with the cells it stands for, seed by seed in the order of the grid: a study that is stopped
 * early holds whole pairs.
 */
export function runsToTrain(grid: readonly Cell[], isDone: (cell: Cell) => boolean): Cell[][] {
  const runs = new Map<string, Cell[]>();
  for (const cell of grid) if (!isDone(cell)) runs.set(cell.hash, [...(runs.get(cell.hash) ?? []), cell]);
  const seeds = [...new Set(grid.map(({ seed }) => seed))];
  const rank = ([cell]: Cell[]) => seeds.indexOf((cell as Cell).seed);
  return [...runs.values()].sort((a, b) => rank(a) - rank(b));
}

/**
 * Takes a run's result, or trains the run.
 *
 * @returns who has the run where that is another process; null otherwise
 */
async function trainCells(
  cells: Cell[],
  options: StudyOptions,
  outcome: StudyOutcome,
): Promise<string | null> {
  const { study, ledger, folders, jobs, signal, observer, allowChangedData = false } = options;
  const cell = cells[0] as Cell;
  const directory = folders.pathOf(cell);
  const owner = lockOwner(directory);
  if (owner !== null) return describeOwner(owner);
  const started = performance.now();
  let trainedAt: number | null = null;
  const attempt = () => {
    const recipe = { ...cell.recipe, threads: threadsOf(cell, directory, jobs) };
    return runJob(recipe, directory, {
      targets: cell.targets,
      allowChangedData,
      signal,
      onProgress: (progress) => observer?.onProgress?.(cell, progress),
      onTarget: (name) => {
        trainedAt ??= performance.now();
        observer?.onTarget?.(cell, name);
      },
    });
  };
  let end: JobOutcome = { kind: "ended", trained: false, whole: false };
  if (!isWhole(directory, cell.targets)) {
    observer?.onStart?.(cell, directory);
    end = await attempt();
    if (end.kind === "failed" && !end.named && !signal.aborted) {
      observer?.onRetry?.(cell, end.message);
      end = await attempt();
    }
  }
  // Taken between the look and the start.
  if (end.kind === "elsewhere") return end.owner;
  // Not by the study: somebody ended the worker alone.
  if (end.kind === "stopped" && !signal.aborted)
    end = { kind: "failed", message: "its process was told to stop", named: true, diverged: false };
  let score: number | null = null;
  // What it was exported to may have failed: its own scores are there.
  if (end.kind === "ended" || hasEnded(directory)) {
    const isWholeHere = end.kind === "ended" && end.whole;
    const seconds = isWholeHere ? ((trainedAt ?? performance.now()) - started) / 1000 : null;
    for (const each of cells) {
      const collected = await collect(each, directory, seconds);
      score = collected.result.test.best ?? collected.result.test.last;
      ledger.add(each, collected);
    }
    if (end.kind === "ended" && end.trained) outcome.trained++;
    await save(study, ledger);
  }
  if (end.kind === "failed") {
    const { message, diverged } = end;
    outcome.failed.push({ cell, directory, message, diverged });
  }
  observer?.onEnd?.(cell, end, score);
  return null;
}

/** A run goes on with the threads it began with, so that it goes on bit for bit. */
function threadsOf({ recipe }: Cell, directory: string, jobs: number): number {
  if (isRun(directory)) return readRecipe(openRunDirectory(directory)).threads;
  return recipe.threads || Math.max(1, Math.floor(availableParallelism() / jobs));
}

/** Writes the results of this process beside those of others. */
async function save(study: Study, ledger: Ledger): Promise<void> {
  if (ledger.all().length === 0) return;
  makeDirectory(ledger.folder);
  const lock = await lockInTurn(ledger.folder);
  try {
    ledger.takeIn();
    ledger.write();
    writeStudy(ledger.folder, study);
    writeComparisons(ledger.folder, planOf(study), ledger.all());
  } finally {
    lock.release();
  }
}

/** The lock of a folder that every process has for a moment alone. */
async function lockInTurn(folder: string): Promise<RunLock> {
  // A machine that crashed with it in hand counts as gone after the limit.
  const until = performance.now() + 2 * heartbeat.limit * 1000;
  for (;;) {
    try {
      return lockRun(folder);
    } catch (error) {
      if (!(error instanceof RunInUse) || performance.now() > until) throw error;
      await sleep(50);
    }
  }
}
