/**
 * Grey images of 28×28 pixels and their labels, one file: all pixels, then all labels; training images first.
 *
 * @module
 */

export const SIDE = 28;
export const PIXELS = SIDE * SIDE;
export const counts = { train: 3000, test: 1000 } as const;
export const classes = 10;

/** Some images, pixels from 0 to 1, and their labels. */
export interface Images {
  readonly pixels: Float32Array;
  readonly labels: Uint8Array;
}

/** Reads the parts of the packed file. */
export function unpack(file: Uint8Array): { train: Images; test: Images } {
  const all = counts.train + counts.test;
  if (file.length !== all * (PIXELS + 1))
    throw new Error(`the images' file has ${file.length} bytes: it is cut off`);
  const part = (first: number, count: number): Images => ({
    pixels: Float32Array.from(
      file.subarray(first * PIXELS, (first + count) * PIXELS),
      (value) => value / 255,
    ),
    labels: file.slice(all * PIXELS + first, all * PIXELS + first + count),
  });
  return { train: part(0, counts.train), test: part(counts.train, counts.test) };
}
