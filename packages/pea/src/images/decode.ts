import { BadSampleError, describeProblem } from "./bad-sample.ts";
import { decodeBySharp } from "./decode-by-sharp.ts";
import { jpegOrientation, shownSize, storedWindow } from "./exif-orientation.ts";
import { native } from "./native.ts";
import type { ClassMap, Pixels } from "./resample.ts";
import { loadSharp } from "./sharp.ts";
import type { Size, Window } from "./transforms/crop.ts";

/** Larger ones are taken for damaged or hostile; sharp's own limit. */
const MAX_PIXELS = 0x3fff ** 2;

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

/** How images are read. */
export interface Reading {
  /** Turn an image as its EXIF orientation says; size and windows are then those of the turned one. */
  readonly exifOrientation: boolean;
}

/**
 * Opens an image, whatever its format (recognized by content: JPEG, PNG, WebP, TIFF, GIF, AVIF), colour space and depth: it
 * becomes RGB bytes, where grey makes three equal channels and CMYK is converted; for the depths see `decodeBySharp`.
 * Embedded colour profiles are ignored, as TensorFlow's and PIL's loaders do.
 *
 * JPEGs are decoded by libjpeg-turbo, window by window; a damage below the window is seen only where the file ends too
 * early. All else is decoded whole by sharp.
 *
 * @throws BadSampleError saying what is wrong with the bytes
 */
export async function openImage(bytes: Uint8Array, reading: Reading): Promise<EncodedImage> {
  if (bytes.length === 0) throw new BadSampleError("it is empty");
  const size = asBadSample(() => native().jpegSize(bytes));
  if (size === null) {
    const pixels = await decodeBySharp(bytes, reading);
    return { width: pixels.width, height: pixels.height, decode: (window) => ({ pixels, window }) };
  }
  const [width, height] = size;
  if (width * height > MAX_PIXELS)
    throw new BadSampleError(`it has ${width}×${height} pixels, which is too many to decode`);
  return openJpeg(bytes, { width, height }, reading.exifOrientation ? jpegOrientation(bytes) : 1);
}

/** @param stored its size before it is turned */
function openJpeg(bytes: Uint8Array, stored: Size, orientation: number): EncodedImage {
  return {
    ...shownSize(stored, orientation),
    decode(shown) {
      const { left, top, width, height } = storedWindow(shown, stored, orientation);
      const data = asDecoded(3 * width * height);
      asBadSample(() => native().decodeJpeg(bytes, left, top, width, height, data));
      const pixels = { data, width: shown.width, height: shown.height };
      if (orientation !== 1) {
        pixels.data = asTurned(data.length);
        native().turn(data, width, height, orientation, pixels.data);
      }
      return { pixels, window: { ...shown, left: 0, top: 0 } };
    },
  };
}

/**
 * Decodes a whole image, see `openImage`.
 *
 * @throws BadSampleError saying what is wrong with the bytes
 */
export async function decodeImage(bytes: Uint8Array, reading: Reading): Promise<Pixels> {
  const image = await openImage(bytes, reading);
  const { pixels } = image.decode({ left: 0, top: 0, width: image.width, height: image.height });
  return { ...pixels, data: pixels.data.slice() };
}

/** The EXIF orientation that an image carries, whatever its format: 1 where it carries none. */
export async function exifOrientationOf(bytes: Uint8Array): Promise<number> {
  if (asBadSample(() => native().jpegSize(bytes)) !== null) return jpegOrientation(bytes);
  const sharp = await loadSharp();
  return (await sharp(bytes).metadata()).orientation ?? 1;
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
    throw new BadSampleError(describeProblem(error as Error));
  }
  const { data } = map;
  for (let i = 0; i < data.length; i++) {
    const found = classOf[data[i] as number] as number;
    if (found < 0) throw new BadSampleError(`it holds the value ${data[i]}, which is no label`);
    data[i] = found;
  }
  return map;
}

/** Memory that each image uses again: some hundred kilobytes a time would keep the garbage collector busy. */
function scratch(): (length: number) => Uint8Array {
  let memory = new Uint8Array(0);
  return (length) => {
    if (memory.length < length) memory = new Uint8Array(length);
    return memory.subarray(0, length);
  };
}

const asDecoded = scratch();
const asTurned = scratch();
