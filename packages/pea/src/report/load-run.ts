import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Recipe } from "../train/config.ts";
import { type MetricsRow, readMetrics } from "../train/metrics.ts";
import { prepareRun } from "../train/prepare.ts";
import { openRunDirectory, type RunDirectory, readRunConfig } from "../train/run-directory.ts";
import type { TrainResult } from "../train/train.ts";
import { readRecipe } from "../train/trained-run.ts";
import { baselineName } from "./comparison.ts";
import type { EpochPoint, ReportRun } from "./run.ts";

/**
 * What a report shows of the run in a directory, as far as the run has come.
 * @throws PeaError when the directory holds no run or a damaged one
 */
export function loadReportRun(path: string): ReportRun {
  const run = openRunDirectory(path);
  const recipe = readRecipe(run);
  const { plan, method, data } = prepareRun(recipe);
  const epochs = readMetrics(run.metrics).filter(({ kind }) => kind === "epoch");
  const result = readResult(run);
  return {
    name: basename(path),
    variant: variantName(recipe),
    seed: recipe.seed,
    settings: recipe,
    environment: { ...readRunConfig(run).environment },
    phases: method.phases.map(({ name, firstStep, endStep }) => ({
      name,
      firstEpoch: firstStep / plan.stepsPerEpoch,
      endEpoch: endStep / plan.stepsPerEpoch,
    })),
    epochs: epochs.map(epochPoint),
    test: result && { accuracy: (result.best ?? result.last).test.top1, images: data.test.labels.numel },
    seconds: epochs.reduce((sum, { seconds }) => sum + Number(seconds), 0),
  };
}

/** `ReLU`, the variant code, or the smooth activation of an upper limit. */
export function variantName({ pea, activation }: Pick<Recipe, "pea" | "activation">): string {
  if (pea !== "none") return pea;
  return activation === "relu" ? baselineName : activation;
}

function epochPoint(row: MetricsRow): EpochPoint {
  const value = (name: string) => (typeof row[name] === "number" ? row[name] : null);
  const currentAccuracy = value("val/top1");
  return {
    epoch: Number(row.epoch),
    trainLoss: value("train/loss"),
    validationLoss: value("val/loss"),
    currentAccuracy,
    deployedAccuracy: value("deployed/top1") ?? currentAccuracy,
    alpha: value("alpha"),
    learningRate: value("lr"),
  };
}

function readResult(run: RunDirectory): TrainResult | null {
  const path = run.result;
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : null;
}
