import type { Move } from "../move.ts";
import type { Size, Window } from "./crop.ts";
import { native, type Taps } from "./native.ts";

/** A decoded image: RGB, one byte each, row by row. */
export interface Pixels extends Size {
  readonly data: Uint8Array;
}

/**
 * Where output pixel `out` of `outSize` lies among `inSize` input pixels: half-pixel centres, as libtorch's
 * `upsample_bilinear2d` with `align_corners = false` (spec recipes 1.5).
 */
export function sourceCoordinate(out: number, inSize: number, outSize: number): number {
  return Math.max(0, (out + 0.5) * (inSize / outSize) - 0.5);
}

/**
 * Scales a window of an image to the size of the output, bilinear and without antialiasing, mirrored and moved on the
 * way: one pass over the output, which holds RGB bytes, each rounded to the nearest. What was moved in is black.
 *
 * @param padding the move's, see `drawMove`
 * @param out height · width · 3 bytes
 */
export function resample(
  { data, width }: Pixels,
  window: Window,
  { isMirrored, top, left }: Move,
  padding: number,
  out: Uint8Array,
  size: Size,
): void {
  const rows = taps(window.top, window.height, size.height, (y) => y + top - padding);
  const columns = taps(
    window.left,
    window.width,
    size.width,
    (x) => (isMirrored ? size.width - 1 - x : x) + left - padding,
  );
  native.blend(
    data,
    width,
    rows.first,
    rows.second,
    rows.share,
    columns.first,
    columns.second,
    columns.share,
    out,
  );
}

/**
 * @param begin the first input pixel
 * @param place the scaled image's pixel that an output pixel shows
 */
function taps(begin: number, inSize: number, outSize: number, place: (out: number) => number): Taps {
  const first = new Int32Array(outSize);
  const second = new Int32Array(outSize);
  const share = new Float32Array(outSize).fill(-1);
  for (let out = 0; out < outSize; out++) {
    const scaled = place(out);
    if (scaled < 0 || scaled >= outSize) continue;
    const coordinate = sourceCoordinate(scaled, inSize, outSize);
    const whole = Math.floor(coordinate);
    first[out] = begin + whole;
    second[out] = begin + Math.min(whole + 1, inSize - 1);
    share[out] = coordinate - whole;
  }
  return { first, second, share };
}
