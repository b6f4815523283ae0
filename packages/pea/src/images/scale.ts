import type { Pixels } from "./resample.ts";
import type { Size } from "./transforms/crop.ts";

/**
 * Scales a whole image, bilinear with antialiasing: each output pixel is the mean of the input under a triangle around
 * its centre, 2·s wide in both directions, where s is the factor the image shrinks by, at least 1. That is PIL's bilinear
 * resize (as in ERFNet's code, spec recipes 3.5) and libtorch's with `antialias`, rounded once at the end. An image of the
 * wanted size comes back as it is.
 */
export function scaleImage(image: Pixels, { width, height }: Size): Pixels {
  if (image.width === width && image.height === height) return image;
  const columns = triangles(image.width, width);
  const rows = triangles(image.height, height);
  // Rows first scaled in width: [image.height, width, 3].
  const narrow = new Float32Array(image.height * width * 3);
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < width; x++) {
      let [red, green, blue] = [0, 0, 0];
      const first = columns.first[x] as number;
      for (let i = 0; i < columns.length; i++) {
        const weight = columns.weights[x * columns.length + i] as number;
        const at = 3 * (y * image.width + Math.min(first + i, image.width - 1));
        red += weight * (image.data[at] as number);
        green += weight * (image.data[at + 1] as number);
        blue += weight * (image.data[at + 2] as number);
      }
      const to = 3 * (y * width + x);
      narrow[to] = red;
      narrow[to + 1] = green;
      narrow[to + 2] = blue;
    }
  }
  const data = new Uint8Array(height * width * 3);
  const sums = new Float64Array(3 * width);
  for (let y = 0; y < height; y++) {
    sums.fill(0.5);
    for (let i = 0; i < rows.length; i++) {
      const weight = rows.weights[y * rows.length + i] as number;
      const from = 3 * width * Math.min((rows.first[y] as number) + i, image.height - 1);
      for (let x = 0; x < 3 * width; x++)
        sums[x] = (sums[x] as number) + weight * (narrow[from + x] as number);
    }
    data.set(sums, 3 * width * y);
  }
  return { data, width, height };
}

/** For each output pixel along one axis: the first input pixel that it takes part of, and how much it takes of each. */
interface Weights {
  readonly first: Int32Array;
  /** Weights per output pixel; those past the end of the triangle or the image are 0. */
  readonly length: number;
  readonly weights: Float64Array;
}

function triangles(inSize: number, outSize: number): Weights {
  const scale = inSize / outSize;
  const reach = Math.max(scale, 1);
  const length = Math.ceil(2 * reach) + 1;
  const first = new Int32Array(outSize);
  const weights = new Float64Array(outSize * length);
  for (let out = 0; out < outSize; out++) {
    const centre = (out + 0.5) * scale;
    const start = Math.max(0, Math.floor(centre - reach + 0.5));
    const taken = Array.from({ length }, (_, i) =>
      start + i < inSize ? Math.max(0, 1 - Math.abs(start + i + 0.5 - centre) / reach) : 0,
    );
    const sum = taken.reduce((a, b) => a + b, 0);
    first[out] = start;
    for (const [i, weight] of taken.entries()) weights[out * length + i] = weight / sum;
  }
  return { first, length, weights };
}
