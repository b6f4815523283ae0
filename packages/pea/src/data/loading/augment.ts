import { standardizeBytes } from "@pea/kernels";
import { cast, div, index, pad, permute, scope, sub, type Tensor, tensor } from "@pea/torch";
import { type Augmentation, drawMove, type SampleKey } from "../../images/move.ts";
import type { PixelStatistics } from "../../images/pixel-statistics.ts";

/** The keys of a batch's samples. */
export interface SampleKeys extends Omit<SampleKey, "index"> {
  /** Index in the data set of each image of the batch. */
  readonly indices: Int32Array;
}

/**
 * Flips and shifts the images of a batch, each by its own draws, both as one gather.
 *
 * @param images uint8 [B, C, H, W]
 * @returns uint8 [B, C, H, W]
 */
export function augment(images: Tensor, augmentation: Augmentation, { indices, ...key }: SampleKeys): Tensor {
  const { padding } = augmentation;
  const [batch, , height, width] = images.shape as [number, number, number, number];
  const rows = new Int32Array(batch * height);
  const columns = new Int32Array(batch * width);
  for (const [i, index] of indices.entries()) {
    const { isMirrored, top, left } = drawMove(augmentation, { ...key, index });
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
  const inBytes = (values: readonly number[]) => values.map((value) => 255 * value);
  const [offset, scale] = [inBytes(mean), inBytes(std)];
  const perChannel = (values: readonly number[]) =>
    tensor(Float32Array.from(values), { shape: [values.length, 1, 1], device });
  return scope(() => {
    const standardized = device === "cpu" ? standardizeBytes(images, { offset, scale }) : undefined;
    if (standardized !== undefined) return standardized;
    const pixels = cast(images, { dtype: "float32", device, memoryFormat: "channels_last" });
    return div(sub(pixels, perChannel(offset)), perChannel(scale));
  });
}
