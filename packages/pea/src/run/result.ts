/**
 * What came out of a run: its file `result.json`.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { PeaError } from "@pea/core";
import type { GroupBackend } from "@pea/torch";
import type { SkippedParts } from "../data/loading/unreadable-images.ts";
import type { Phase } from "../methods/index.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { Breakdown } from "../tasks/breakdown.ts";
import type { MetricName, Scores } from "../tasks/task.ts";
import type { RunDirectory } from "./run-directory.ts";

/** What came out of a run. Test scores are of the deployed network on the test part. */
export interface TrainResult {
  runDirectory: string;
  recipe: Recipe;
  /** Of the plain network. */
  parameters: number;
  sites: number;
  epochs: number;
  stepsPerEpoch: number;
  steps: number;
  phases: readonly Phase[];
  /** Time of all training steps. */
  seconds: number;
  /** The processes that trained it together, in the end, and by what they reached one another; of one alone, missing. */
  ranks?: { size: number; backend: GroupBackend };
  /** Number of images of the test part. */
  testImages: number;
  /** Images that could not be read and were left out; of a run that had all, missing. */
  skipped?: SkippedParts;
  /** The score that counts, the one the best model was chosen by. */
  metric: MetricName;
  /** The model after the last step. */
  last: { epoch: number; test: Scores };
  /**
   * The best model of the final phase, with its score and loss on the validation part; null where none could be chosen.
   * The loss is null where it was chosen by an earlier version.
   */
  best: { epoch: number; validationScore: number; validationLoss: number | null; test: Scores } | null;
  /** Where there is no best model: why. */
  whyNoBest?: string;
  /** What methods found out, by the keys of a recipe that takes it; where they did. */
  found?: Readonly<Record<string, unknown>>;
  /** Test scores of the best model, or of the last where there is none, broken down. */
  breakdown?: Breakdown;
}

/**
 * The result of a run that has ended, else null.
 *
 * @throws PeaError when its file is damaged
 */
export function readResult({ result }: RunDirectory): TrainResult | null {
  if (!existsSync(result)) return null;
  try {
    return JSON.parse(readFileSync(result, "utf8"));
  } catch (error) {
    throw new PeaError(`cannot read ${result}: ${(error as Error).message}`);
  }
}

/** Why a run has no best model, as far as it has come. */
export function reasonForNoBest(run: RunDirectory): string {
  const result = readResult(run);
  if (result === null) return "the run has not ended, and no epoch so far could be chosen";
  return result.whyNoBest ?? "no epoch of the final phase was evaluated on validation images";
}
