import type { EncodedImage, Reading } from "./decode.ts";
import { type ClassMap, type Framing, type Pixels, resample, resampleClasses } from "./resample.ts";
import { scaleImage } from "./scale.ts";
import { type CropName, cropWindow, type EvaluationCrop, type Size, type Window } from "./transforms/crop.ts";
import { type Augmentation, drawMove, type SampleKey } from "./transforms/move.ts";

/** From an image of any size to the network's input. */
export interface Preprocessing extends Augmentation, Reading {
  readonly crop: CropName | EvaluationCrop;
  /** Of the result. */
  readonly size: Size;
}

/**
 * Crops, decodes, scales, mirrors and moves an image. One that is taken whole is scaled with antialiasing.
 *
 * @param out RGB, height · width · 3 bytes
 * @throws BadSampleError saying what is wrong with the image
 */
export function preprocess(
  image: EncodedImage,
  { crop, size, ...augmentation }: Preprocessing,
  key: SampleKey,
  out: Uint8Array,
): void {
  const decoded = image.decode(cropWindow(crop, image, { size, key }));
  const { pixels, window } = crop === "whole" ? scaleWhole(decoded.pixels, size) : decoded;
  resample(pixels, window, framing(size, augmentation, key), out);
}

function scaleWhole(pixels: Pixels, size: Size): { pixels: Pixels; window: Window } {
  return { pixels: scaleImage(pixels, size), window: { ...size, left: 0, top: 0 } };
}

/**
 * Scales, mirrors and moves a map of classes as `preprocess` does with its image, which is taken whole.
 *
 * @param out height · width bytes
 */
export function preprocessClasses(
  map: ClassMap,
  { size, ...augmentation }: Preprocessing,
  key: SampleKey,
  out: Uint8Array,
): void {
  resampleClasses(map, framing(size, augmentation, key), out);
}

function framing(size: Size, augmentation: Augmentation, key: SampleKey): Framing {
  return { size, move: drawMove(augmentation, key), padding: augmentation.padding };
}
