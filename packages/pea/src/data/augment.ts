import { cast, div, index, pad, permute, scope, sub, type Tensor, tensor } from "@pea/torch";
import { bounded, randomWords } from "./philox.ts";
import type { PixelStatistics } from "./statistics.ts";

/** Which random changes a training image goes through. */
export interface Augmentation {
  /** Mirror left and right with probability ½. */
  readonly flip: boolean;
  /** Pad by so many black pixels on each side, then crop back to size at a random place; 0 for none. */
  readonly padding: number;
}

/** The samples of a batch: what a sample's draws depend on, and nothing else. */
export interface SampleKeys {
  /** Integer from 0 to 2^53 − 1. */
  readonly seed: number;
  readonly epoch: number;
  /** Index in the data set of each image of the batch. */
  readonly indices: Int32Array;
}

/**
 * Flips and shifts the images of a batch, each by its own draws. Both are one gather: output pixel (y, x) of an image
 * is pixel (top + y, left + x) of the padded image, with W − 1 − x in the place of x where it is mirrored.
 *
 * @param images uint8 [B, C, H, W]
 * @returns uint8 [B, C, H, W]
 */
export function augment(images: Tensor, { flip, padding }: Augmentation, keys: SampleKeys): Tensor {
  const [batch, , height, width] = images.shape as [number, number, number, number];
  const rows = new Int32Array(batch * height);
  const columns = new Int32Array(batch * width);
  for (const [i, sample] of keys.indices.entries()) {
    const [flipWord, topWord, leftWord] = randomWords(keys.seed, "augmentation", keys.epoch, sample);
    const isMirrored = flip && bounded(flipWord, 2) === 1;
    const top = bounded(topWord, 2 * padding + 1);
    const left = bounded(leftWord, 2 * padding + 1);
    for (let y = 0; y < height; y++) rows[i * height + y] = top + y;
    for (let x = 0; x < width; x++) columns[i * width + x] = left + (isMirrored ? width - 1 - x : x);
  }
  return scope(() => {
    const pixels = permute(pad(images, [padding, padding, padding, padding]), [0, 2, 3, 1]);
    const moved = index(pixels, [
      tensor(
        Int32Array.from({ length: batch }, (_, i) => i),
        { shape: [batch, 1, 1], dtype: "int64" },
      ),
      tensor(rows, { shape: [batch, height, 1], dtype: "int64" }),
      tensor(columns, { shape: [batch, 1, width], dtype: "int64" }),
    ]);
    return permute(moved, [0, 3, 1, 2]);
  });
}

/**
 * (x / 255 − mean) / std per channel, computed as (x − 255·mean) / (255·std).
 *
 * @param images uint8 [B, C, H, W]
 * @returns float32 [B, C, H, W] in channels_last, on `device`
 */
export function standardize(images: Tensor, { mean, std }: PixelStatistics, device = "cpu"): Tensor {
  const perChannel = (values: readonly number[]) =>
    tensor(
      Float32Array.from(values, (value) => 255 * value),
      { shape: [values.length, 1, 1], device },
    );
  return scope(() => {
    const pixels = cast(images, { dtype: "float32", device, memoryFormat: "channels_last" });
    return div(sub(pixels, perChannel(mean)), perChannel(std));
  });
}
