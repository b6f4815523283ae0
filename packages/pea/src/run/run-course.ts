/**
 * How a run went, as far as it has come: its phases, and the values at the end of each epoch.
 *
 * @module
 */
import { existsSync } from "node:fs";
import type { Circumstances } from "../recipe/recipe-identity.ts";
import { type MetricName, metricOf } from "../tasks/task.ts";
import { type MetricsRow, readMetrics } from "./metrics.ts";
import { readRecord } from "./parts-record.ts";
import { disposeRun, openRun } from "./prepare-run.ts";
import type { TrainResult } from "./result.ts";
import { readResult } from "./result.ts";
import type { RunDirectory } from "./run-directory.ts";
import { openRecipe } from "./trained-run.ts";

/** A span of a run, in epochs. */
export interface Phase {
  name: string;
  firstEpoch: number;
  endEpoch: number;
}

/**
 * Values at the end of an epoch (from 1), null where nothing was measured; the scores are those of the run's metric, in
 * percent.
 */
export interface EpochPoint {
  epoch: number;
  trainLoss: number | null;
  validationLoss: number | null;
  /** As it trains. */
  currentScore: number | null;
  /** As it will be deployed, with ReLU at every site; equal to the current one where that is the network already. */
  deployedScore: number | null;
  /** On the test images; left out where they were not scored after this epoch. */
  testScore?: number;
  alpha: number | null;
  learningRate: number | null;
  /** Of the training steps, over the epoch. */
  imagesPerSecond?: number | null;
}

/** The course of a run. */
export interface RunCourse {
  metric: MetricName;
  phases: Phase[];
  epochs: EpochPoint[];
  /** Time of the training steps. */
  seconds: number;
}

/**
 * Reads the course of a run.
 *
 * @throws PeaError for a damaged run, and for one that has not ended and whose data set is no longer there
 */
export async function readCourse(run: RunDirectory, today: Circumstances = {}): Promise<RunCourse> {
  const result = readResult(run);
  const { phases, stepsPerEpoch } = result ?? (await planOf(run, today));
  // A run that has just begun has none yet.
  const rows = existsSync(run.metrics) ? readMetrics(run.metrics) : [];
  const epochs = rows.filter(({ kind }) => kind === "epoch");
  const metric = metricOfRun(result, epochs);
  return {
    metric,
    phases: phases.map(({ name, firstStep, endStep }) => ({
      name,
      firstEpoch: firstStep / stepsPerEpoch,
      endEpoch: endStep / stepsPerEpoch,
    })),
    epochs: epochs.map((row) => epochPoint(row, metric)),
    seconds: result?.seconds ?? epochs.reduce((sum, { seconds }) => sum + Number(seconds), 0),
  };
}

/** The course of a run that has not ended, and so has not written it down. */
async function planOf(
  run: RunDirectory,
  today: Circumstances,
): Promise<Pick<TrainResult, "phases" | "stepsPerEpoch">> {
  const opened = await openRun(await openRecipe(run, today), { record: readRecord(run) });
  try {
    return { phases: opened.methods.phases, stepsPerEpoch: opened.plan.stepsPerEpoch };
  } finally {
    disposeRun(opened);
  }
}

/** The metric of a run: that of its result, or the first that its training was scored by. */
function metricOfRun(result: TrainResult | null, epochs: readonly MetricsRow[]): MetricName {
  if (result !== null) return metricOf(result.last.test);
  const names = epochs.flatMap((row) => Object.keys(row));
  const scored = names.find((name) => name.startsWith("train/") && name !== "train/loss");
  return scored?.slice("train/".length) ?? "top1";
}

function epochPoint(row: MetricsRow, metric: MetricName): EpochPoint {
  const value = (name: string) => (typeof row[name] === "number" ? row[name] : null);
  const score = (view: string) => value(`${view}/${metric}`);
  const currentScore = score("val");
  const testScore = score("test");
  return {
    epoch: Number(row.epoch),
    trainLoss: value("train/loss"),
    validationLoss: value("val/loss"),
    currentScore,
    deployedScore: score("deployed") ?? currentScore,
    alpha: value("alpha"),
    learningRate: value("lr"),
    imagesPerSecond: value("imagesPerSecond"),
    ...(testScore !== null && { testScore }),
  };
}
