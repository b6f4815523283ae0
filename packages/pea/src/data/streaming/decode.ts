import { loadSharp } from "../sharp.ts";
import type { Size, Window } from "./crop.ts";
import { native } from "./native.ts";
import type { ClassMap, Pixels } from "./resample.ts";

/** Larger ones are taken for damaged or hostile; sharp's own limit. */
const MAX_PIXELS = 0x3fff ** 2;

/** An image that cannot be read: no bytes, no image, a damaged one. */
export class BadSampleError extends Error {
  override name = "BadSampleError";
}

/** An image whose size is known and of which any part can be decoded. */
export interface EncodedImage extends Size {
  /**
   * Decodes what lies in `window`; for a JPEG not much more than that.
   *
   * @returns pixels valid until the next image is decoded, and where in them the window lies
   * @throws BadSampleError saying what is wrong with the bytes
   */
  decode(window: Window): { pixels: Pixels; window: Window };
}

/**
 * Opens an image, whatever its format (recognized by content: JPEG, PNG, WebP, TIFF, GIF), colour space and depth: it
 * becomes RGB, where grey makes three equal channels, CMYK is converted, of 16 bits the higher 8 are kept and
 * transparency is dropped. Embedded colour profiles and EXIF orientation are ignored, as TensorFlow's and PIL's loaders
 * do.
 *
 * JPEGs are decoded by libjpeg-turbo, window by window; a damage below the window is seen only where the file ends too
 * early. All else is decoded whole by sharp.
 *
 * @throws BadSampleError saying what is wrong with the bytes
 */
export async function openImage(bytes: Uint8Array): Promise<EncodedImage> {
  if (bytes.length === 0) throw new BadSampleError("it is empty");
  const decoder = native();
  const size = asBadSample(() => decoder.jpegSize(bytes));
  if (size === null) {
    const pixels = await decodeBySharp(bytes);
    return { width: pixels.width, height: pixels.height, decode: (window) => ({ pixels, window }) };
  }
  const [width, height] = size;
  if (width * height > MAX_PIXELS)
    throw new BadSampleError(`it has ${width}×${height} pixels, which is too many to decode`);
  return {
    width,
    height,
    decode(window) {
      const data = scratch(3 * window.width * window.height);
      asBadSample(() =>
        decoder.decodeJpeg(bytes, window.left, window.top, window.width, window.height, data),
      );
      const inner = { left: 0, top: 0, width: window.width, height: window.height };
      return { pixels: { data, width: window.width, height: window.height }, window: inner };
    },
  };
}

/**
 * Decodes a whole image, see `openImage`.
 *
 * @throws BadSampleError saying what is wrong with the bytes
 */
export async function decodeImage(bytes: Uint8Array): Promise<Pixels> {
  const image = await openImage(bytes);
  const { pixels } = image.decode({ left: 0, top: 0, width: image.width, height: image.height });
  return { ...pixels, data: pixels.data.slice() };
}

async function decodeBySharp(bytes: Uint8Array): Promise<Pixels> {
  const sharp = await loadSharp();
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

function asBadSample<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw new BadSampleError((error as Error).message);
  }
}

/**
 * Decodes a label map, a grey image of 8 bits whose bytes are labels, to classes.
 *
 * @param classOf the class of each byte, see `classesOfBytes`
 * @throws BadSampleError for what is no such image, and naming a byte that is no label
 */
export async function decodeClassMap(bytes: Uint8Array, classOf: Int16Array): Promise<ClassMap> {
  if (bytes.length === 0) throw new BadSampleError("it is empty");
  const sharp = await loadSharp();
  let map: ClassMap;
  try {
    const { channels, bitsPerSample, isPalette } = await sharp(bytes).metadata();
    if (channels !== 1 || bitsPerSample !== 8 || isPalette)
      throw new Error(
        `it must be a grey image of 8 bits, but has ${channels} channels of ${bitsPerSample} bits` +
          `${isPalette ? ", by a palette" : ""}`,
      );
    const { data, info } = await sharp(bytes, { failOn: "error", ignoreIcc: true })
      .toColourspace("b-w")
      .raw()
      .toBuffer({ resolveWithObject: true });
    map = { data, width: info.width, height: info.height };
  } catch (error) {
    throw new BadSampleError(describe((error as Error).message));
  }
  const { data } = map;
  for (let i = 0; i < data.length; i++) {
    const found = classOf[data[i] as number] as number;
    if (found < 0) throw new BadSampleError(`it holds the value ${data[i]}, which is no label`);
    data[i] = found;
  }
  return map;
}

/** The library's message on one line; it prints each of several problems on its own. */
function describe(message: string): string {
  return message
    .trim()
    .split(/\s*\n\s*/)
    .join("; ");
}

let memory = new Uint8Array(0);

/** Memory that each image uses again: some hundred kilobytes a time would keep the garbage collector busy. */
function scratch(length: number): Uint8Array {
  if (memory.length < length) memory = new Uint8Array(length);
  return memory.subarray(0, length);
}
