import { permute, type Tensor, tensor } from "@pea/torch";
import type { ImageChange } from "./image-change.ts";
import type { SampleKeys } from "./move-batch.ts";

/**
 * Changes the images of a batch one by one, as threads change those in files.
 *
 * @param images uint8 [B, C, H, W]
 * @returns uint8 [B, C, H, W]; the images themselves without changes
 */
export function changeBatch(
  images: Tensor,
  changes: readonly ImageChange[],
  { indices, ...key }: SampleKeys,
): Tensor {
  if (changes.length === 0) return images;
  const [batch, channels, height, width] = images.shape as [number, number, number, number];
  const pixels = permute(images, [0, 2, 3, 1]).toTypedArray() as Uint8Array;
  const length = height * width * channels;
  for (const [i, index] of indices.entries()) {
    const data = pixels.subarray(i * length, (i + 1) * length);
    for (const { change, settings } of changes)
      change({ data, width, height, channels }, settings, { ...key, index });
  }
  return permute(tensor(pixels, { shape: [batch, height, width, channels] }), [0, 3, 1, 2]);
}
