import type { Sharp } from "sharp";
import { loadSharp } from "../sharp.ts";
import { BadSampleError, describeProblem } from "./bad-sample.ts";
import type { Pixels } from "./resample.ts";

/**
 * Decodes a whole image of any format that sharp knows to RGB bytes. Of 16 bits the higher 8
 * are kept and transparency is dropped.
 *
 * @param options.exifOrientation turn it by its EXIF orientation
 * @throws BadSampleError saying what is wrong with the bytes
 */
export async function decodeBySharp(
  bytes: Uint8Array,
  { exifOrientation }: { exifOrientation: boolean },
): Promise<Pixels> {
  const sharp = await loadSharp();
  const stored = sharp(bytes, { failOn: "error", ignoreIcc: true });
  const image = exifOrientation ? stored.autoOrient() : stored;
  try {
    return await decodeBytes(image);
  } catch (error) {
    throw new BadSampleError(describeProblem(error as Error));
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
