/**
 * From the directory of a run that has ended to what the study keeps of it: the line of `results.jsonl`, in which all
 * follows from the recipe, and that of `timings.jsonl` with what another machine or day gives otherwise.
 *
 * @module
 */
import { availableParallelism, cpus } from "node:os";
import { PeaError } from "@pea/core";
import { type Result, resultSchema } from "../compare/results.ts";
import type { Timing } from "../compare/timings.ts";
import { skippedCounts } from "../data/loading/unreadable-images.ts";
import { decisiveSettings } from "../recipe/recipe-identity.ts";
import { readParts } from "../run/parts-record.ts";
import type { TrainResult } from "../run/result.ts";
import { readResult } from "../run/result.ts";
import { readCourse } from "../run/run-course.ts";
import { openRunDirectory, readRunConfig } from "../run/run-directory.ts";
import { mainScore, metricOf } from "../tasks/task.ts";
import type { Cell } from "./grid.ts";
import { readTargetScores } from "./study-targets.ts";

/** What a study keeps of a run. */
export interface Collected {
  result: Result;
  timing: Timing;
}

/** @param path folder of a run that has ended */
export async function collect(
  cell: Cell,
  path: string,
  wallSeconds: number | null = null,
): Promise<Collected> {
  const run = openRunDirectory(path);
  const result = readResult(run);
  if (result === null) throw new PeaError(`${path} has not ended`);
  const { phases, epochs } = await readCourse(run);
  const { network, dataset, variant, seed, hash } = cell;
  const { best, last, parameters, testImages, skipped, recipe, steps, seconds } = result;
  return {
    // Parsed for the order of the keys, which is that of a line that has been read.
    result: resultSchema.parse({
      network,
      dataset,
      variant,
      seed,
      metric: metricOf(last.test),
      test: { best: best && mainScore(best.test), last: mainScore(last.test) },
      hash,
      parameters,
      testImages,
      skipped: skipped && skippedCounts(skipped),
      dataDigest: readParts(run)?.digest(),
      selected: selectedOf(result),
      phases,
      targets: targetsOf(cell, path),
      settings: decisiveSettings(cell.recipe),
      epochs: epochs.map(({ imagesPerSecond, ...point }) => point),
    }),
    timing: {
      hash,
      network,
      variant,
      seed,
      seconds: rounded(seconds),
      imagesPerSecond: rounded((steps * recipe.batchSize) / seconds),
      epochImagesPerSecond: epochs.map(({ imagesPerSecond }) =>
        typeof imagesPerSecond === "number" ? rounded(imagesPerSecond) : null,
      ),
      wallSeconds: wallSeconds === null ? null : rounded(wallSeconds),
      environment: {
        ...readRunConfig(run).environment,
        cpu: cpus()[0]?.model ?? "unknown",
        cores: availableParallelism(),
        threads: recipe.threads,
        device: recipe.device,
      },
    },
  };
}

/** Of the targets that the study asks for; undefined where it asks for none. */
function targetsOf({ targets }: Cell, path: string): Result["targets"] {
  if (targets.length === 0) return undefined;
  const scores = readTargetScores(path);
  return Object.fromEntries(targets.flatMap(({ name }) => (scores[name] ? [[name, scores[name]]] : [])));
}

/** How the best model of a run was chosen. */
export function selectedOf({ best }: TrainResult): Result["selected"] {
  return best && { epoch: best.epoch, validation: best.validationScore, loss: best.validationLoss ?? null };
}

const rounded = (value: number): number => Number(value.toPrecision(4));
