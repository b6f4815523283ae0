/**
 * What a network wants its images to be, as a deployed file says it in its metadata.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { Reading } from "./decode.ts";
import type { PixelStatistics } from "./pixel-statistics.ts";
import { type EvaluationCrop, evaluationCropNames } from "./transforms/crop.ts";

/** In which order a file takes an image's axes: channels first, as networks here have them, or last, as cameras give them. */
export const layouts = ["nchw", "nhwc"] as const;
export type Layout = (typeof layouts)[number];

/** The input of a network. */
export interface NetworkInput extends PixelStatistics, Reading {
  /** Channels (3: RGB, 1: grey), height and width. */
  readonly shape: readonly [number, number, number];
  /** The part of an image that is scaled to this size. */
  readonly crop: EvaluationCrop;
}

/**
 * The input as JSON-able facts: what `parseInput` reads, and what a reader without this package needs besides
 * (docs/preparing-images.md).
 *
 * @param layout in which order the file takes the axes of its images
 */
export function describeInput(
  { shape, crop, exifOrientation, mean, std }: NetworkInput,
  layout: Layout = "nchw",
) {
  return {
    layout: layout.toUpperCase(),
    shape,
    channelOrder: shape[0] === 1 ? "grey" : "RGB",
    ...(shape[0] === 1 && { grey: "(19595 * R + 38470 * G + 7471 * B + 32768) >> 16" }),
    exifOrientation,
    crop,
    window: describeWindow(crop, shape),
    interpolation: {
      method: "bilinear",
      pixelCentres: "half",
      antialias: crop === "whole",
      rounding: "to the nearest whole number, halves up",
    },
    valueRange: [0, 1],
    mean,
    std,
    formula: "(pixel / 255 - mean) / std",
  };
}

/** The part of an image of `width` and `height`, in words. */
function describeWindow(crop: EvaluationCrop, [, height, width]: NetworkInput["shape"]): string {
  if (crop === "whole") return "the whole image";
  const place = "left = floor((width - w + 1) / 2), top = floor((height - h + 1) / 2)";
  const part = (side: number, whole: number) => `max(1, floor(${side} * min(width, height) / ${whole}))`;
  return crop === "central"
    ? `w = h = ${part(7, 8)}, ${place}`
    : `w = ${part(width, crop)}, h = ${part(height, crop)}, ${place}`;
}

/**
 * Reads what `describeInput` wrote. A file from before `exifOrientation` is of a network that saw images as they are
 * stored.
 *
 * @throws PeaError (usage) naming the file when the text is missing or not of this form
 */
export function parseInput(file: string, text: string | undefined): NetworkInput {
  const facts = parseJson(text);
  const { shape, crop, exifOrientation = false, mean, std } = (facts ?? {}) as Partial<NetworkInput>;
  const isWhole =
    areNumbers(shape, 3) &&
    areNumbers(mean, shape[0]) &&
    areNumbers(std, shape[0]) &&
    typeof exifOrientation === "boolean" &&
    isEvaluationCrop(crop);
  if (!isWhole)
    throw new PeaError(
      `${file} does not say in its metadata how its images are to be prepared; take a file that pea export wrote`,
      { kind: "usage" },
    );
  return { shape: shape as NetworkInput["shape"], crop, exifOrientation, mean, std };
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
