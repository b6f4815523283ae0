/**
 * `results.jsonl`, what a study leaves behind: one JSON object per line and run, complete in itself, so that tables and
 * reports need no run directory.
 *
 * @module
 */
import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { PeaError } from "@pea/core";
import { z } from "zod";
import type { SkippedCounts } from "../data/loading/unreadable-images.ts";
import type { EpochPoint } from "../run/run-course.ts";
import { readTimings } from "./timings.ts";

const name = z.string().min(1);
const percent = z.number().min(0).max(100);
const measured = z.number().nullable();

const epochSchema = z.preprocess(
  withPresentNames,
  z.object({
    epoch: z.int().min(1),
    trainLoss: measured,
    validationLoss: measured,
    currentScore: percent.nullable(),
    deployedScore: percent.nullable(),
    testScore: percent.optional(),
    alpha: measured,
    learningRate: measured,
    imagesPerSecond: measured.optional(),
  }) satisfies z.ZodType<EpochPoint>,
);

/** Files of earlier versions call every score an accuracy, a mean IoU too. */
function withPresentNames(point: unknown): unknown {
  if (typeof point !== "object" || point === null) return point;
  return Object.fromEntries(
    Object.entries(point).map(([key, value]) => [key.replace(/Accuracy$/, "Score"), value]),
  );
}

/** What became of a run's last model in a form in integers. */
const targetScoreSchema = z.object({
  /** How it was exported: the options of `exportRun`. */
  form: z.record(z.string(), z.unknown()),
  /** On the test part; null: a network that ends in a smooth activation has no such form. */
  score: percent.nullable(),
  /** Points that are lost against floats on the same images, below 0 where some are won. */
  loss: z.number().optional(),
  /** Share of the images, or pixels, of which both name the same class. */
  sameClass: percent.optional(),
  /** Test images that were scored. */
  images: z.int().min(1).optional(),
});

/** What became of a run's last model in a form in integers. */
export type TargetScore = z.infer<typeof targetScoreSchema>;

/** A finished run. What a line holds besides is kept. */
export const resultSchema = z.looseObject({
  /** Name in the registry, e.g. `mobilenet-0.25-small`. */
  network: name,
  /** Name of the data set, e.g. `fashion-mnist`; the paper's are `imagenet` and `cityscapes`. */
  dataset: name,
  /**
   * `ReLU`, a variant code such as `SM75%`, the name of a smooth activation (upper limit), or a name the study gives to
   * another way of training. With network, data set and seed it names one run.
   */
  variant: name,
  seed: z.int().min(0),
  /** Of the scores, which are all in percent. */
  metric: name.default("top1"),
  /** On the test part. `best`: the best model of the final phase by validation, null where there is no such. */
  test: z.object({ best: percent.nullable(), last: percent }),
  /** Curves: the values at the end of each epoch, as in the report. */
  epochs: z.array(epochSchema),
  /** What follows is left out where it is not known. The run's address in a study, of its decisive settings. */
  hash: name.optional(),
  /** Learned numbers of the network. */
  parameters: z.int().optional(),
  /**
   * How the best model was chosen: its epoch, and its score and loss on the validation part. Where the loss
   * is not known it was by the score alone, the first of equals.
   */
  selected: z
    .object({ epoch: z.int(), validation: percent, loss: measured.optional() })
    .nullable()
    .optional(),
  /** The phases, in epochs. */
  phases: z.array(z.object({ name, firstEpoch: z.number().min(0), endEpoch: z.number().min(0) })).optional(),
  /** Time of the training steps. */
  seconds: z.number().min(0).optional(),
  testImages: z.int().min(1).optional(),
  /** Images that were left out of each part, since they cannot be read; left out where all could. */
  skipped: z
    .partialRecord(z.enum(["train", "validation", "test", "unlabelled"]), z.int().min(1))
    .optional() satisfies z.ZodType<SkippedCounts | undefined>,
  /** Stands for the images, and for which of them are test images: the same wherever they lie. */
  dataDigest: z.string().optional(),
  /** In the forms that the study asks for, by their names. */
  targets: z.record(name, targetScoreSchema).optional(),
  /** The recipe, resolved. */
  settings: z.record(z.string(), z.unknown()).optional(),
  environment: z.record(z.string(), z.unknown()).optional(),
});

/** A line of `results.jsonl`. */
export type Result = z.infer<typeof resultSchema>;

/**
 * Reads the results of a study, with time and environment of its runs where `timings.jsonl` lies beside them.
 *
 * @param path `results.jsonl`, or the folder that holds it
 * @throws PeaError (usage) when there is none; PeaError naming file and line for one that is not a result, or that is a
 *   run already read
 */
export function readResults(path: string): Result[] {
  const folder = folderOf(path);
  const file = folder === path ? join(folder, "results.jsonl") : path;
  const timings = readTimings(join(folder, "timings.jsonl"));
  return readResultLines(file).map((result) => {
    const timing = result.hash === undefined ? undefined : timings.get(result.hash);
    if (timing === undefined) return result;
    const { seconds, environment, epochImagesPerSecond } = timing;
    const epochs = result.epochs.map((point, i) => ({
      ...point,
      imagesPerSecond: epochImagesPerSecond[i] ?? null,
    }));
    return { ...result, epochs, seconds, environment: { ...environment } };
  });
}

/** The folder of a study's results, by its own path or that of its `results.jsonl`. */
export function folderOf(path: string): string {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? path : dirname(path);
}

/** Reads the lines of `results.jsonl` alone; errors as of `readResults`. */
export function readResultLines(file: string): Result[] {
  const results: Result[] = [];
  const lineOf = new Map<string, number>();
  for (const [i, line] of readLines(file).entries()) {
    if (line.trim() === "") continue;
    const result = parseResult(line, `${file}, line ${i + 1}`);
    const run = `${result.network} on ${result.dataset}, ${result.variant}, seed ${result.seed}`;
    const earlier = lineOf.get(run);
    if (earlier !== undefined)
      throw new PeaError(`${file}: lines ${earlier} and ${i + 1} are the same run: ${run}; remove one`);
    lineOf.set(run, i + 1);
    results.push(result);
  }
  if (results.length === 0) throw new PeaError(`${file} holds no results`);
  return results;
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch (error) {
    throw new PeaError(
      `cannot read ${file}: ${(error as Error).message}; give the folder of a study or its results.jsonl`,
      { kind: "usage" },
    );
  }
}

function parseResult(line: string, where: string): Result {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new PeaError(`${where} is not JSON: ${line.slice(0, 80)}`);
  }
  const { data, error } = resultSchema.safeParse(value);
  if (data) return data;
  const [issue] = error.issues;
  throw new PeaError(`${where} is not a result: ${issue?.path.join(".") || "it"}: ${issue?.message}`);
}
