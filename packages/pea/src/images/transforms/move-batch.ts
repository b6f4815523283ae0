import { index, pad, permute, scope, type Tensor, tensor } from "@pea/torch";
import { type Augmentation, drawMove, type SampleKey } from "./move.ts";

/** The keys of a batch's samples. */
export interface SampleKeys extends Omit<SampleKey, "index"> {
  /** Index in the data set of each image of the batch. */
  readonly indices: Int32Array;
}

/**
 * Moves the images of a batch, each by its own draws (`drawMove`), as one gather. Images in files are moved in the same way
 * while they are scaled (`resample`).
 *
 * @param images uint8 [B, C, H, W]
 * @returns uint8 [B, C, H, W]
 */
export function moveBatch(
  images: Tensor,
  augmentation: Augmentation,
  { indices, ...key }: SampleKeys,
): Tensor {
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
