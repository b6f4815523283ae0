/**
 * From image files to a network's input.
 *
 * @module
 */
import type { DecodePool } from "../data/loading/decode-pool.ts";
import type { BadSample } from "../data/loading/decode-worker.ts";
import type { NetworkInput } from "../images/network-input.ts";
import { standardizeChannel } from "../images/transforms/standardize.ts";

/** Some images, ready for a network. */
export interface PreparedImages {
  /** Standardized, [paths.length, channels, height, width]. */
  readonly images: Float32Array;
  /** Of the images that could be read, in their order. */
  readonly paths: readonly string[];
  readonly bad: readonly BadSample[];
}

/** Reads and decodes files as an evaluation does, on the threads of a pool. */
export async function prepareImages(
  files: readonly string[],
  input: NetworkInput,
  pool: DecodePool,
): Promise<PreparedImages> {
  const { shape, crop, exifOrientation } = input;
  const [channels, height, width] = shape;
  const size = { width, height };
  const pixels = new SharedArrayBuffer(files.length * height * width * 3);
  const samples = files.map((path, place) => ({
    location: { name: path, path },
    // Nothing is drawn at random.
    key: { seed: 0, epoch: 0, index: place },
    place,
  }));
  const preprocessing = { crop, size, exifOrientation, flip: false, padding: 0 };
  const bad = await pool.decode(samples, preprocessing, { pixels });
  const isBad = new Set(bad.map(({ place }) => place));
  const good = samples.filter(({ place }) => !isBad.has(place));
  const images = new Float32Array(good.length * channels * height * width);
  for (const [index, { place }] of good.entries()) {
    const bytes = 3 * height * width;
    const out = images.subarray(index * channels * height * width, (index + 1) * channels * height * width);
    toInput(new Uint8Array(pixels, place * bytes, bytes), input, out);
  }
  return { images, paths: good.map(({ location }) => location.path), bad };
}

/** Standardized, channel by channel. One of one channel is the luma of ITU-R 601 (as PIL's mode L): of a grey image its grey. */
function toInput(rgb: Uint8Array, { shape, mean, std }: NetworkInput, out: Float32Array): void {
  const [channels, height, width] = shape;
  const area = height * width;
  for (let channel = 0; channel < channels; channel++) {
    const pixels = out.subarray(channel * area, (channel + 1) * area);
    for (let i = 0; i < area; i++)
      pixels[i] = channels === 1 ? luma(rgb, 3 * i) : (rgb[3 * i + channel] as number);
    standardizeChannel(pixels, { mean: mean[channel] as number, std: std[channel] as number });
  }
}

function luma(rgb: Uint8Array, at: number): number {
  const [red, green, blue] = [rgb[at], rgb[at + 1], rgb[at + 2]] as [number, number, number];
  return (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;
}
