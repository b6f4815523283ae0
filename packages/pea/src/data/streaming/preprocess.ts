import { type Augmentation, drawMove, type SampleKey } from "../move.ts";
import { type CropName, crops, type Size } from "./crop.ts";
import type { EncodedImage } from "./decode.ts";
import { resample } from "./resample.ts";

/** From an image of any size to the network's input. */
export interface Preprocessing extends Augmentation {
  readonly crop: CropName;
  /** Of the result. */
  readonly size: Size;
}

/**
 * Crops, decodes, scales, mirrors and moves an image.
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
  const { pixels, window } = image.decode(crops[crop](image, key));
  resample(pixels, window, drawMove(augmentation, key), augmentation.padding, out, size);
}
