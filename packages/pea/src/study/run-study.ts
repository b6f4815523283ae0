/**
 * A study from its grid to its results: trains what is missing, run by run, and writes results and tables after each.
 *
 * @module
 */
import { availableParallelism } from "node:os";
import { makeDirectory } from "../common/make-directory.ts";
import { openRunDirectory } from "../run/run-directory.ts";
import { lockRun } from "../run/run-lock.ts";
import { readRecipe } from "../run/trained-run.ts";
import { checkData } from "./check-data.ts";
import { collect } from "./collect.ts";
import { writeComparisons } from "./comparison-files.ts";
import type { Cell } from "./grid.ts";
import type { Ledger } from "./ledger.ts";
import { type JobOutcome, runJob } from "./run-job.ts";
import { planOf, type Study, writeStudy } from "./study-file.ts";
import { hasEnded, isRun, type StudyFolders } from "./study-folders.ts";
import type { RunProgress } from "./worker-messages.ts";

/** Watches a study. */
export interface StudyObserver {
  onStart?(cell: Cell, directory: string): void;
  onProgress?(cell: Cell, progress: RunProgress): void;
  /** A run has ended, and is exported to a target. */
  onTarget?(cell: Cell, name: string): void;
  onEnd?(cell: Cell, outcome: JobOutcome, score: number | null): void;
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
  save(study, ledger);
}

/**
 * Trains the runs of the grid that have no result yet. A run that fails is named and the others go on.
 *
 * @throws PeaError (usage) where another process works on the study, or the data have changed so that images which runs
 *   are scored on were trained on
 */
export async function runStudy(options: StudyOptions): Promise<StudyOutcome> {
  const { ledger, folders, jobs } = options;
  makeDirectory(folders.path);
  const unlock = lockRun(folders.path);
  try {
    await collectEnded(options);
    const waiting = runsToTrain(options.grid, (cell) => ledger.has(cell));
    await checkData(
      options,
      waiting.map(([cell]) => cell as Cell),
    );
    const outcome: StudyOutcome = { trained: 0, failed: [], stopped: false };
    // Where results cannot be written, no run may go on unwatched.
    const broken = new AbortController();
    const signal = AbortSignal.any([options.signal, broken.signal]);
    const lanes = Array.from({ length: Math.min(jobs, waiting.length) }, async () => {
      try {
        for (let cells = waiting.shift(); cells && !signal.aborted; cells = waiting.shift())
          await trainCells(cells, { ...options, signal }, outcome);
      } catch (error) {
        broken.abort();
        throw error;
      }
    });
    for (const lane of await Promise.allSettled(lanes)) if (lane.status === "rejected") throw lane.reason;
    return { ...outcome, stopped: options.signal.aborted };
  } finally {
    unlock();
  }
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

async function trainCells(cells: Cell[], options: StudyOptions, outcome: StudyOutcome): Promise<void> {
  const { study, ledger, folders, jobs, signal, observer, allowChangedData = false } = options;
  const cell = cells[0] as Cell;
  const directory = folders.pathOf(cell);
  const recipe = { ...cell.recipe, threads: threadsOf(cell, directory, jobs) };
  const started = performance.now();
  let trainedAt: number | null = null;
  const attempt = () =>
    runJob(recipe, directory, {
      targets: cell.targets,
      allowChangedData,
      signal,
      onProgress: (progress) => observer?.onProgress?.(cell, progress),
      onTarget: (name) => {
        trainedAt ??= performance.now();
        observer?.onTarget?.(cell, name);
      },
    });
  observer?.onStart?.(cell, directory);
  let end = await attempt();
  if (end.kind === "failed" && !end.named && !signal.aborted) {
    observer?.onRetry?.(cell, end.message);
    end = await attempt();
  }
  // Not by the study: somebody ended the worker alone.
  if (end.kind === "stopped" && !signal.aborted)
    end = { kind: "failed", message: "its process was told to stop", named: true };
  let score: number | null = null;
  // What it was exported to may have failed: its own scores are there.
  if (end.kind === "ended" || hasEnded(directory)) {
    const isWhole = end.kind === "ended" && end.whole;
    const seconds = isWhole ? ((trainedAt ?? performance.now()) - started) / 1000 : null;
    for (const each of cells) {
      const collected = await collect(each, directory, seconds);
      score = collected.result.test.best ?? collected.result.test.last;
      ledger.add(each, collected);
    }
    if (end.kind === "ended" && end.trained) outcome.trained++;
    save(study, ledger);
  }
  if (end.kind === "failed") outcome.failed.push({ cell, directory, message: end.message });
  observer?.onEnd?.(cell, end, score);
}

/** A run goes on with the threads it began with, so that it goes on bit for bit. */
function threadsOf({ recipe }: Cell, directory: string, jobs: number): number {
  if (isRun(directory)) return readRecipe(openRunDirectory(directory)).threads;
  return recipe.threads || Math.max(1, Math.floor(availableParallelism() / jobs));
}

function save(study: Study, ledger: Ledger): void {
  const results = ledger.all();
  if (results.length === 0) return;
  ledger.write();
  writeStudy(ledger.folder, study);
  writeComparisons(ledger.folder, planOf(study), results);
}
