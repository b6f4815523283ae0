import sharp from "sharp";
import type { Pixels } from "./resample.ts";

// One image a thread: the threads are the workers', and an image is decoded once.
sharp.concurrency(1);
sharp.cache(false);

/** An image that cannot be read: no bytes, no image, a damaged one. */
export class BadSampleError extends Error {
  override name = "BadSampleError";
}

/**
 * Decodes an image to RGB, whatever its format (recognized by content: JPEG, PNG, WebP, TIFF, GIF), colour space and
 * depth: grey becomes three equal channels, CMYK is converted, of 16 bits the higher 8 are kept, transparency is
 * dropped. Embedded colour profiles and EXIF orientation are ignored, as TensorFlow's and PIL's loaders do.
 *
 * @throws BadSampleError saying what is wrong with the bytes
 */
export async function decodeImage(bytes: Uint8Array): Promise<Pixels> {
  if (bytes.length === 0) throw new BadSampleError("it is empty");
  try {
    const { data, info } = await sharp(bytes, { failOn: "error", ignoreIcc: true })
      .toColourspace("srgb")
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height };
  } catch (error) {
    throw new BadSampleError(describe((error as Error).message));
  }
}

/** The library's message on one line; it prints each of several problems on its own. */
function describe(message: string): string {
  return message
    .trim()
    .split(/\s*\n\s*/)
    .join("; ");
}
