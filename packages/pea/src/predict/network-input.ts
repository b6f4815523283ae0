/**
 * What a network wants its images to be, as a deployed file says it in its metadata.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { PixelStatistics } from "../data/statistics.ts";
import { type EvaluationCrop, evaluationCropNames } from "../data/streaming/crop.ts";

/** The input of a network. */
export interface NetworkInput extends PixelStatistics {
  /** Channels (3: RGB, 1: grey), height and width. */
  readonly shape: readonly [number, number, number];
  /** The part of an image that is scaled to this size. */
  readonly crop: EvaluationCrop;
}

const layout = "NCHW";
const formula = "(pixel / 255 - mean) / std";

/** The input as JSON-able facts, with those that a reader without this package needs. */
export function describeInput({ shape, crop, mean, std }: NetworkInput) {
  return { layout, shape, crop, valueRange: [0, 1], mean, std, formula };
}

/**
 * Reads what `describeInput` wrote.
 *
 * @throws PeaError (usage) naming the file when the text is missing or not of this form
 */
export function parseInput(file: string, text: string | undefined): NetworkInput {
  const facts = parseJson(text);
  const { shape, crop, mean, std } = (facts ?? {}) as Partial<NetworkInput>;
  const isWhole =
    areNumbers(shape, 3) && areNumbers(mean, shape[0]) && areNumbers(std, shape[0]) && isEvaluationCrop(crop);
  if (!isWhole)
    throw new PeaError(
      `${file} does not say in its metadata how its images are to be prepared; take a file that pea export wrote`,
      { kind: "usage" },
    );
  return { shape: shape as NetworkInput["shape"], crop, mean, std };
}

/** The value that a text stands for; undefined where it is none. */
export function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return undefined;
  }
}

function isEvaluationCrop(value: unknown): value is EvaluationCrop {
  return (
    evaluationCropNames.some((name) => name === value) ||
    (Number.isSafeInteger(value) && (value as number) > 0)
  );
}

function areNumbers(value: unknown, length: number | undefined): value is readonly number[] {
  return Array.isArray(value) && value.length === length && value.every((item) => Number.isFinite(item));
}
