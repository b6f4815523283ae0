import { type Augmentation, drawMove, type SampleKey } from "../move.ts";
import { type CropName, crops, type Size } from "./crop.ts";
import { type Pixels, resample } from "./resample.ts";

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
