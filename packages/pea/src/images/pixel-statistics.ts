import { call, reshape, scope, select, type Tensor } from "@pea/torch";

/** Mean and standard deviation per channel, of pixels scaled to [0, 1]. */
export interface PixelStatistics {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * Mean and population standard deviation of every channel. Take them over the training part alone.
 *
 * Counted, not summed in floating point: with n_v pixels of value v, mean = Σ v·n_v / n and
 * std² = Σ v²·n_v / n − mean², exact in integers up to 10^11 pixels.
 *
 * @param images uint8 [N, C, H, W]
 */
export function pixelStatistics(images: Tensor): PixelStatistics {
  const channels = Array.from({ length: images.shape[1] as number }, (_, channel) =>
    countValues(images, channel),
  );
  const moments = channels.map((counts) => {
    let [n, sum, squares] = [0, 0, 0];
    for (const [value, count] of counts.entries()) {
      n += count;
      sum += value * count;
      squares += value ** 2 * count;
    }
    const mean = sum / n;
    return { mean: mean / 255, std: Math.sqrt(squares / n - mean ** 2) / 255 };
  });
  return { mean: moments.map(({ mean }) => mean), std: moments.map(({ std }) => std) };
}

/** How many pixels of one channel have each of the values 0 to 255. */
function countValues(images: Tensor, channel: number): number[] {
  return scope(() => {
    const pixels = reshape(select(images, 1, channel), [-1]);
    const counts = call("aten::bincount", pixels, null, 256);
    return Array.from(counts.toTypedArray() as BigInt64Array, Number);
  });
}
