/**
 * What a trained network says of images in files.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { PeaError } from "@pea/core";
import { scope, tensor, upsampleBilinear2d } from "@pea/torch";
import { DecodePool } from "../data/loading/decode-pool.ts";
import type { SkippedSample } from "../data/loading/unreadable-images.ts";
import type { Logits } from "../export/deployed-session.ts";
import { openImage } from "../images/decode.ts";
import type { ClassMap } from "../images/resample.ts";
import { toClassMap } from "../tasks/segmentation/evaluate-segmentation.ts";
import type { Predictor } from "./predictor.ts";
import { type PreparedImages, prepareImages } from "./prepare-images.ts";

/** A class and how likely it is. */
export interface RankedClass {
  readonly class: string;
  /** From 0. */
  readonly label: number;
  readonly probability: number;
}

/** The likeliest classes of an image, the likeliest first. */
export interface ImagePrediction {
  readonly image: string;
  readonly top: readonly RankedClass[];
}

/** The class of each pixel of an image. */
export interface ImageSegmentation {
  readonly image: string;
  /** At the image's own size. */
  readonly map: ClassMap;
}

/** What to do with images that cannot be read. */
export interface BadImageOptions {
  /** What to do with an image that cannot be read: stop (default), or go on without it. */
  readonly onBadSample?: "fail" | "skip";
  /** Told of each image that is skipped. */
  readonly onSkip?: (sample: SkippedSample) => void;
}

export interface PredictOptions extends BadImageOptions {
  /** Classes to name; 5 by default, or all where there are fewer. */
  readonly topK?: number;
}

/** Pixels of a batch: enough for the processors, little for memory. */
const BATCH_PIXELS = 16 * 224 * 224;
const BATCH_IMAGES = 64;

/**
 * Classifies images, prepared as in the evaluation of the network's training. The next images are decoded while the
 * network looks at some.
 *
 * @param files see `findImages`
 * @throws PeaError naming an image that cannot be read, where that is to stop it; of kind usage for a `topK` there is not
 */
export async function* predict(
  predictor: Predictor,
  files: readonly string[],
  { topK, ...options }: PredictOptions = {},
): AsyncGenerator<ImagePrediction, void, undefined> {
  const { classes } = predictor;
  const count = topK ?? Math.min(5, classes.length);
  if (!Number.isInteger(count) || count < 1 || count > classes.length)
    throw new PeaError(
      `topK is ${count}, but must be a whole number from 1 to ${classes.length}, the number of classes`,
      { kind: "usage" },
    );
  for await (const { paths, logits } of answers(predictor, files, options)) {
    const length = logits.values.length / paths.length;
    if (length !== classes.length)
      throw new PeaError(
        `the network answers ${length} numbers an image, but names ${classes.length} classes`,
      );
    for (const [i, image] of paths.entries()) {
      const ofImage = logits.values.subarray(i * length, (i + 1) * length);
      yield { image, top: rank(ofImage, classes).slice(0, count) };
    }
  }
}

/**
 * Names the class of each pixel: the largest of the logits, scaled bilinearly to the size of the image, as in the
 * evaluation at full resolution.
 *
 * @param predictor with `labels`
 * @param files see `findImages`
 * @throws PeaError naming an image that cannot be read, where that is to stop it
 */
export async function* segment(
  predictor: Predictor,
  files: readonly string[],
  options: BadImageOptions = {},
): AsyncGenerator<ImageSegmentation, void, undefined> {
  for await (const { paths, logits } of answers(predictor, files, options)) {
    const [, ...shape] = logits.shape;
    const length = logits.values.length / paths.length;
    for (const [i, image] of paths.entries()) {
      const size = await openImage(await readFile(image), predictor.input);
      const ofImage = logits.values.subarray(i * length, (i + 1) * length);
      const map = scope(() => {
        const scaled = upsampleBilinear2d(tensor(ofImage, { shape: [1, ...shape] }), [
          size.height,
          size.width,
        ]);
        return toClassMap(scaled, size);
      });
      yield { image, map };
    }
  }
}

/** What the network says of all images that can be read, batch by batch. */
async function* answers(
  predictor: Predictor,
  files: readonly string[],
  { onBadSample = "fail", onSkip }: BadImageOptions,
): AsyncGenerator<{ paths: readonly string[]; logits: Logits }, void, undefined> {
  for await (const { images, paths, bad } of batches(predictor, files)) {
    for (const { name, reason } of bad) {
      if (onBadSample === "fail")
        throw new PeaError(
          `${name} cannot be read: ${reason}. Leave it out, or go on without such images with --on-bad-sample skip`,
        );
      onSkip?.({ name, reason });
    }
    if (paths.length > 0) yield { paths, logits: await predictor.run(images, paths.length) };
  }
}

async function* batches(
  { input }: Predictor,
  files: readonly string[],
): AsyncGenerator<PreparedImages, void, undefined> {
  const [, height, width] = input.shape;
  const size = Math.max(1, Math.min(BATCH_IMAGES, Math.floor(BATCH_PIXELS / (height * width))));
  const pool = new DecodePool();
  let next = 0;
  const request = () => {
    const prepared = prepareImages(files.slice(next, next + size), input, pool);
    // A failure is thrown when its turn comes.
    prepared.catch(() => {});
    next += size;
    return prepared;
  };
  try {
    let ahead = request();
    for (let first = 0; first < files.length; first += size) {
      const ready = await ahead;
      if (next < files.length) ahead = request();
      yield ready;
    }
  } finally {
    void pool.close();
  }
}

/** All classes by probability, softmax of the logits; among equals the lower label first. */
export function rank(logits: Float32Array, classes: readonly string[]): RankedClass[] {
  const greatest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const weights = Array.from(logits, (logit) => Math.exp(logit - greatest));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights
    .map((weight, label) => ({ class: classes[label] as string, label, probability: weight / sum }))
    .sort((a, b) => b.probability - a.probability || a.label - b.label);
}
