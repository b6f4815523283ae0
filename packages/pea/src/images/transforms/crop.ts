/**
 * Which part of an image is taken: random windows for training, the central one for evaluation (spec recipes 1.5, 1.6).
 *
 * @module
 */

import { bounded, randomWords } from "../../common/philox.ts";
import type { SampleKey } from "./move.ts";

/** In pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A part of an image, in pixels from its upper left corner. */
export interface Window extends Size {
  readonly left: number;
  readonly top: number;
}

/**
 * The random window of the paper's code, TensorFlow's `sample_distorted_bounding_box` with one box over the whole
 * image: ratio of the sides uniform in [0.75, 1.33), height uniform among those that give an area from 5 % to 100 % of
 * the image, accepted from 10 % on; the whole image after 100 attempts. Larger windows are rarer than with
 * `torchvisionCrop`, since the height is uniform and not the area.
 */
export function distortedCrop({ width: w, height: h }: Size, key: SampleKey): Window {
  const [minimum, maximum] = [0.05 * w * h, w * h];
  for (let attempt = 0; attempt < 100; attempt++) {
    const [ratioWord, heightWord, topWord, leftWord] = attemptWords(key, attempt);
    const ratio = 0.75 + (1.33 - 0.75) * unit(ratioWord);
    let highest = roundHalfEven(Math.sqrt(maximum / ratio));
    if (roundHalfEven(highest * ratio) > w) highest = Math.floor((w + 0.5 - 1e-7) / ratio);
    highest = Math.min(highest, h);
    const lowest = Math.min(roundHalfEven(Math.sqrt(minimum / ratio)), highest);
    let height = lowest + bounded(heightWord, highest - lowest + 1);
    // Rounding may have put the area just outside its bounds.
    const area = () => roundHalfEven(height * ratio) * height;
    if (area() < minimum) height++;
    if (area() > maximum) height--;
    const width = roundHalfEven(height * ratio);
    const fits = width >= 1 && height >= 1 && width <= w && height <= h;
    if (!fits || area() < 0.1 * maximum) continue;
    // The upper end is exclusive: the last place is never drawn.
    return { width, height, top: bounded(topWord, h - height), left: bounded(leftWord, w - width) };
  }
  return { left: 0, top: 0, width: w, height: h };
}

/**
 * The random window of torchvision's `RandomResizedCrop`: area uniform from 8 % to 100 % of the image, ratio of the
 * sides log-uniform from 3/4 to 4/3; after 10 attempts the largest central window of an allowed ratio.
 */
export function torchvisionCrop({ width: w, height: h }: Size, key: SampleKey): Window {
  const [lowest, highest] = [3 / 4, 4 / 3];
  for (let attempt = 0; attempt < 10; attempt++) {
    const [areaWord, ratioWord, topWord, leftWord] = attemptWords(key, attempt);
    const area = w * h * (0.08 + (1 - 0.08) * unit(areaWord));
    const ratio = lowest * (highest / lowest) ** unit(ratioWord);
    const width = roundHalfEven(Math.sqrt(area * ratio));
    const height = roundHalfEven(Math.sqrt(area / ratio));
    if (width < 1 || height < 1 || width > w || height > h) continue;
    return { width, height, top: bounded(topWord, h - height + 1), left: bounded(leftWord, w - width + 1) };
  }
  const ratio = Math.min(highest, Math.max(lowest, w / h));
  const width = Math.min(w, Math.max(1, roundHalfEven(h * ratio)));
  const height = Math.min(h, Math.max(1, roundHalfEven(w / ratio)));
  return { width, height, top: Math.floor((h - height) / 2), left: Math.floor((w - width) / 2) };
}

/** The central square of 7/8 = 224 / (224 + 32) of the shorter side, rounded down. */
export function centralCrop(image: Size): Window {
  const side = Math.max(1, Math.floor((7 / 8) * Math.min(image.width, image.height)));
  return centralWindow(image, { width: side, height: side });
}

/**
 * What torchvision's `Resize(shorterSide)` and `CenterCrop(size)` leave of an image: once its shorter side is scaled to
 * `shorterSide` pixels, the middle of it that has the size of the result. In the image's own pixels, rounded down.
 *
 * @param shorterSide at least the width and the height of `size`
 */
export function sizedCrop(image: Size, size: Size, shorterSide: number): Window {
  const shorter = Math.min(image.width, image.height);
  const ownPixels = (side: number) => Math.max(1, Math.floor((shorter * side) / shorterSide));
  return centralWindow(image, { width: ownPixels(size.width), height: ownPixels(size.height) });
}

/** A window of this size in the middle; where that is between two pixels, after the first. */
function centralWindow(image: Size, { width, height }: Size): Window {
  const begin = (whole: number, part: number) => Math.floor((whole - part + 1) / 2);
  return { width, height, top: begin(image.height, height), left: begin(image.width, width) };
}

/** The ways to choose the part of an image that is taken, by name. */
export const crops = {
  distorted: distortedCrop,
  torchvision: torchvisionCrop,
  central: centralCrop,
  whole: ({ width, height }: Size): Window => ({ left: 0, top: 0, width, height }),
} as const;

export type CropName = keyof typeof crops;
export const cropNames = Object.keys(crops) as readonly CropName[];

/** Crops by name that draw nothing at random. */
export const evaluationCropNames = ["central", "whole"] as const satisfies readonly CropName[];

/** What an evaluation sees of an image: a part by name, or the size that `sizedCrop` scales the image to. */
export type EvaluationCrop = (typeof evaluationCropNames)[number] | number;

/** The part of an image that a crop takes. */
export function cropWindow(
  crop: CropName | EvaluationCrop,
  image: Size,
  { size, key }: { size: Size; key: SampleKey },
): Window {
  return typeof crop === "number" ? sizedCrop(image, size, crop) : crops[crop](image, key);
}

function attemptWords({ seed, epoch, index }: SampleKey, attempt: number) {
  return randomWords(seed, "crop", epoch, index, attempt);
}

/** A word as a number in [0, 1). */
function unit(word: number): number {
  return word / 2 ** 32;
}

/** To the nearest integer, halves to the even one, as C's `lrintf` and Python's `round`. */
function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
