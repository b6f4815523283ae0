import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { readDiagnostics } from "../diagnose/index.ts";
import { variantName } from "../methods/variant-name.ts";
import type { Recipe } from "../train/config.ts";
import { type MetricsRow, readMetrics } from "../train/metrics.ts";
import { disposeRun, prepareRun } from "../train/prepare.ts";
import { openRunDirectory, readRunConfig } from "../train/run-directory.ts";
import { type MetricName, mainScore } from "../train/tasks/task.ts";
import type { TrainResult } from "../train/train.ts";
import { readRecipe, readResult } from "../train/trained-run.ts";
import type { EpochPoint, ReportRun } from "./run.ts";

/**
 * What a report shows of the run in a directory, as far as the run has come.
 * @throws PeaError when the directory holds no run or a damaged one, or one that has not ended and whose data set is
 *   no longer there
 */
export async function loadReportRun(path: string): Promise<ReportRun> {
  const run = openRunDirectory(path);
  const recipe = readRecipe(run);
  const result = readResult(run);
  const { phases, stepsPerEpoch } = result ?? (await planOf(recipe));
  // A run that has just begun has none yet.
  const rows = existsSync(run.metrics) ? readMetrics(run.metrics) : [];
  const epochs = rows.filter(({ kind }) => kind === "epoch");
  return {
    name: basename(resolve(path)),
    network: recipe.model,
    dataset: recipe.data,
    variant: variantName(recipe),
    seed: recipe.seed,
    metric: metricOf(result, epochs),
    settings: recipe,
    environment: { ...readRunConfig(run).environment },
    phases: phases.map(({ name, firstStep, endStep }) => ({
      name,
      firstEpoch: firstStep / stepsPerEpoch,
      endEpoch: endStep / stepsPerEpoch,
    })),
    epochs: epochs.map(epochPoint),
    test: result && {
      best: result.best && mainScore(result.best.test),
      last: mainScore(result.last.test),
      images: result.testImages,
    },
    seconds: result?.seconds ?? epochs.reduce((sum, { seconds }) => sum + Number(seconds), 0),
    ...(existsSync(run.diagnostics) && { diagnostics: readDiagnostics(run.diagnostics) }),
  };
}

/** The course of a run that has not ended, and so has not written it down. */
async function planOf(recipe: Recipe): Promise<Pick<TrainResult, "phases" | "stepsPerEpoch">> {
  const prepared = await prepareRun(recipe);
  try {
    return { phases: prepared.method.phases, stepsPerEpoch: prepared.plan.stepsPerEpoch };
  } finally {
    disposeRun(prepared);
  }
}

function metricOf(result: TrainResult | null, epochs: readonly MetricsRow[]): MetricName {
  const isSegmented = result?.last.test.miou !== undefined || epochs.some((row) => "val/miou" in row);
  return isSegmented ? "miou" : "top1";
}

function epochPoint(row: MetricsRow): EpochPoint {
  const value = (name: string) => (typeof row[name] === "number" ? row[name] : null);
  const score = (view: string) => value(`${view}/top1`) ?? value(`${view}/miou`);
  const currentAccuracy = score("val");
  const testAccuracy = score("test");
  return {
    epoch: Number(row.epoch),
    trainLoss: value("train/loss"),
    validationLoss: value("val/loss"),
    currentAccuracy,
    deployedAccuracy: score("deployed") ?? currentAccuracy,
    alpha: value("alpha"),
    learningRate: value("lr"),
    imagesPerSecond: value("imagesPerSecond"),
    ...(testAccuracy !== null && { testAccuracy }),
  };
}
