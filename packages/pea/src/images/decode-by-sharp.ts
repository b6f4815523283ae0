import type { Sharp } from "sharp";
import { BadSampleError, describeProblem } from "./bad-sample.ts";
import type { Pixels } from "./resample.ts";
import { loadSharp } from "./sharp.ts";
import { readTiffSamples, refusalOf, type TiffSamples } from "./tiff-samples.ts";

/**
 * Decodes a whole image of any format that sharp knows to RGB bytes. Samples of fewer than 8 bits fill their range, of 16
 * the higher 8 are kept, floats from 0 to 1 are multiplied by 255 and rounded, halves up; transparency is dropped, and of
 * several frames or pages the first is taken.
 *
 * @param options.exifOrientation turn it by its EXIF orientation
 * @throws BadSampleError saying what is wrong with the bytes, or with the range of their numbers
 */
export async function decodeBySharp(
  bytes: Uint8Array,
  { exifOrientation }: { exifOrientation: boolean },
): Promise<Pixels> {
  const samples = readTiffSamples(bytes);
  const refusal = samples && refusalOf(samples);
  if (refusal) throw new BadSampleError(refusal);
  const sharp = await loadSharp();
  const stored = sharp(bytes, { failOn: "error", ignoreIcc: true });
  const image = exifOrientation ? stored.autoOrient() : stored;
  try {
    return samples?.format === "float" ? await decodeFloats(image, samples) : await decodeBytes(image);
  } catch (error) {
    throw error instanceof BadSampleError ? error : new BadSampleError(describeProblem(error as Error));
  }
}

async function decodeBytes(image: Sharp): Promise<Pixels> {
  const { data, info } = await image
    .toColourspace("srgb")
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

const RGB = 2;

/** Numbers as they are stored: sharp itself would take colours for light and grey for bytes, and cut off the rest. */
async function decodeFloats(image: Sharp, { photometric }: TiffSamples): Promise<Pixels> {
  const asStored =
    photometric === RGB
      ? image.pipelineColourspace("scrgb").toColourspace("scrgb")
      : image.toColourspace("b-w");
  const { data, info } = await asStored
    .removeAlpha()
    .raw({ depth: "float" })
    .toBuffer({ resolveWithObject: true });
  const values = new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
  const { width, height, channels } = info;
  const rgb = new Uint8Array(3 * width * height);
  for (const [i, value] of values.entries()) {
    // Not a number is not in the range either.
    if (!(value >= 0 && value <= 1))
      throw new BadSampleError(
        `its samples are floats, which must lie from 0 to 1, and one is ${value}; scale it yourself, e.g. to a PNG of ` +
          "8 or 16 bits",
      );
    const byte = Math.floor(255 * value + 0.5);
    if (channels === 3) rgb[i] = byte;
    else rgb.fill(byte, 3 * i, 3 * i + 3);
  }
  return { data: rgb, width, height };
}
