import { type Augmentation, drawMove, type SampleKey } from "../move.ts";
import { centralCrop, distortedCrop, type Size, torchvisionCrop, type Window } from "./crop.ts";
import { type Pixels, resample } from "./resample.ts";

const crops = {
  distorted: distortedCrop,
  torchvision: torchvisionCrop,
  central: centralCrop,
  whole: ({ width, height }: Size): Window => ({ left: 0, top: 0, width, height }),
} as const;

/** Name of a way to choose the part of an image that is taken. */
export type CropName = keyof typeof crops;

/** From a decoded image of any size to the network's input. */
export interface Preprocessing extends Augmentation {
  readonly crop: CropName;
  /** Of the result. */
  readonly size: Size;
}

/**
 * Crops, scales, mirrors and moves an image.
 *
 * @param out RGB, height · width · 3 bytes
 */
export function preprocess(
  image: Pixels,
  { crop, size, ...augmentation }: Preprocessing,
  key: SampleKey,
  out: Uint8Array,
): void {
  const window = crops[crop](image, key);
  resample(image, window, drawMove(augmentation, key), augmentation.padding, out, size);
}
