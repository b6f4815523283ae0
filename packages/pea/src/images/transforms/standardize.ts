/**
 * (x / 255 − mean) / std per channel, computed as (x − 255·mean) / (255·std): of tensors as loaders make them, and of
 * plain numbers where there need be no engine, bit for bit alike.
 *
 * @module
 */
import { standardizeBytes } from "@pea/kernels";
import { cast, div, scope, sub, type Tensor, tensor } from "@pea/torch";
import type { PixelStatistics } from "../pixel-statistics.ts";

const inBytes = (value: number): number => 255 * value;

/**
 * Standardizes a batch.
 *
 * @param images uint8 [B, C, H, W]
 * @returns float32 [B, C, H, W] in channels_last, on `device`
 */
export function standardize(images: Tensor, { mean, std }: PixelStatistics, device = "cpu"): Tensor {
  const [offset, scale] = [mean.map(inBytes), std.map(inBytes)];
  const perChannel = (values: readonly number[]) =>
    tensor(Float32Array.from(values), { shape: [values.length, 1, 1], device });
  return scope(() => {
    const standardized = device === "cpu" ? standardizeBytes(images, { offset, scale }) : undefined;
    if (standardized !== undefined) return standardized;
    const pixels = cast(images, { dtype: "float32", device, memoryFormat: "channels_last" });
    return div(sub(pixels, perChannel(offset)), perChannel(scale));
  });
}

/** Standardizes the pixels of one channel in place, rounded to float32 at each step. */
export function standardizeChannel(pixels: Float32Array, { mean, std }: { mean: number; std: number }): void {
  const [offset, scale] = [Math.fround(inBytes(mean)), Math.fround(inBytes(std))];
  for (let i = 0; i < pixels.length; i++) pixels[i] = Math.fround((pixels[i] as number) - offset) / scale;
}
