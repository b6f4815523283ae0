/**
 * Which way up a photo's pixels are stored, by its EXIF orientation: 1 as they are to be shown, 2 to 4 mirrored or upside
 * down, 5 to 8 with rows for columns.
 *
 * @module
 */

import { readTiffFields } from "./tiff-fields.ts";
import type { Size, Window } from "./transforms/crop.ts";

const MARKER = 0xff;
const EXIF_SEGMENT = 0xe1;
/** The image's data, or its end: metadata stand before. */
const ENDS = [0xda, 0xd9];

/** Orientation of a JPEG, 1 where its metadata name none. */
export function jpegOrientation(jpeg: Uint8Array): number {
  const view = new DataView(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength);
  for (let at = 2; at + 4 <= jpeg.length && jpeg[at] === MARKER; ) {
    const code = jpeg[at + 1] as number;
    if (ENDS.includes(code)) break;
    // Markers may stand behind any number of fill bytes.
    if (code === MARKER) {
      at++;
      continue;
    }
    const end = at + 2 + view.getUint16(at + 2);
    if (code === EXIF_SEGMENT && end <= jpeg.length && startsWithExif(jpeg.subarray(at + 4, end)))
      return tiffOrientation(jpeg.subarray(at + 10, end));
    at = end;
  }
  return 1;
}

/** "Exif", a zero and a byte that may be any. */
function startsWithExif(segment: Uint8Array): boolean {
  return segment.length >= 6 && [0x45, 0x78, 0x69, 0x66, 0].every((byte, i) => segment[i] === byte);
}

const ORIENTATION = 0x0112;

function tiffOrientation(exif: Uint8Array): number {
  const value = readTiffFields(exif)?.get(ORIENTATION) ?? 1;
  return value >= 1 && value <= 8 ? value : 1;
}

const swapsSides = (orientation: number): boolean => orientation >= 5;

/** The size in which a stored image is shown. */
export function shownSize({ width, height }: Size, orientation: number): Size {
  return swapsSides(orientation) ? { width: height, height: width } : { width, height };
}

/** Where a window of the image as it is shown lies in the image as it is stored. */
export function storedWindow(shown: Window, stored: Size, orientation: number): Window {
  const { left, top, width, height } = swapsSides(orientation) ? transposed(shown) : shown;
  const fromRight = [2, 3, 7, 8].includes(orientation);
  const fromBottom = [3, 4, 6, 7].includes(orientation);
  return {
    left: fromRight ? stored.width - left - width : left,
    top: fromBottom ? stored.height - top - height : top,
    width,
    height,
  };
}

const transposed = ({ left, top, width, height }: Window): Window => ({
  left: top,
  top: left,
  width: height,
  height: width,
});
