/**
 * From the directory of a run that has ended to what the study keeps of it: the line of `results.jsonl`, in which all
 * follows from the recipe, and that of `timings.jsonl` with what another machine or day gives otherwise.
 *
 * @module
 */
import { availableParallelism, cpus } from "node:os";
import { PeaError } from "@pea/core";
import { loadReportRun } from "../report/load-run.ts";
import { decisiveSettings } from "../train/recipe-identity.ts";
import { type Environment, openRunDirectory, readRunConfig } from "../train/run-directory.ts";
import { mainScore } from "../train/tasks/task.ts";
import { readResult } from "../train/trained-run.ts";
import type { Cell } from "./grid.ts";
import { type Result, resultSchema } from "./results.ts";

/** A line of `timings.jsonl`. */
export interface Timing {
  hash: string;
  network: string;
  variant: string;
  seed: number;
  /** Of all training steps. */
  seconds: number;
  /** In the training steps. */
  imagesPerSecond: number;
  /** From the run's start to its end with all evaluation; null for a run that was stopped in between. */
  wallSeconds: number | null;
  /** Of the engine; 0: its own choice. */
  threads: number;
  device: string;
  cpu: { model: string; cores: number };
  environment: Environment;
}

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
  const { phases, epochs } = await loadReportRun(path);
  const { network, dataset, variant, seed, hash } = cell;
  const { best, last, parameters, testImages, recipe, steps, seconds } = result;
  return {
    // Parsed for the order of the keys, which is that of a line that has been read.
    result: resultSchema.parse({
      network,
      dataset,
      variant,
      seed,
      metric: "miou" in last.test ? "miou" : "top1",
      test: { best: best && mainScore(best.test), last: mainScore(last.test) },
      hash,
      parameters,
      testImages,
      selected: best && { epoch: best.epoch, validation: best.validationScore },
      phases,
      recipe: decisiveSettings(cell.recipe),
      epochs,
    }),
    timing: {
      hash,
      network,
      variant,
      seed,
      seconds: rounded(seconds),
      imagesPerSecond: rounded((steps * recipe.batchSize) / seconds),
      wallSeconds: wallSeconds === null ? null : rounded(wallSeconds),
      threads: recipe.threads,
      device: recipe.device,
      cpu: { model: cpus()[0]?.model ?? "unknown", cores: availableParallelism() },
      environment: readRunConfig(run).environment,
    },
  };
}

const rounded = (value: number): number => Number(value.toPrecision(4));
