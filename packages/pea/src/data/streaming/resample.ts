import type { Move } from "../move.ts";
import type { Size, Window } from "./crop.ts";

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
  const rows = taps(window.height, size.height, (y) => y + top - padding);
  const columns = taps(
    window.width,
    size.width,
    (x) => (isMirrored ? size.width - 1 - x : x) + left - padding,
  );
  const origin = window.top * width + window.left;
  let at = 0;
  for (let y = 0; y < size.height; y++) {
    const upper = 3 * (origin + (rows.first[y] as number) * width);
    const lower = 3 * (origin + (rows.second[y] as number) * width);
    const down = rows.weight[y] as number;
    const isOutside = down < 0;
    for (let x = 0; x < size.width; x++, at += 3) {
      const right = columns.weight[x] as number;
      if (isOutside || right < 0) {
        out.fill(0, at, at + 3);
        continue;
      }
      const first = 3 * (columns.first[x] as number);
      const second = 3 * (columns.second[x] as number);
      const lowerRight = right * down;
      const lowerLeft = down - lowerRight;
      const upperRight = right - lowerRight;
      const upperLeft = 1 - right - lowerLeft;
      for (let channel = 0; channel < 3; channel++) {
        out[at + channel] =
          (data[upper + first + channel] as number) * upperLeft +
          (data[upper + second + channel] as number) * upperRight +
          (data[lower + first + channel] as number) * lowerLeft +
          (data[lower + second + channel] as number) * lowerRight +
          0.5;
      }
    }
  }
}

/** The two input pixels that make up each output pixel along one axis, and the second one's weight; −1 for outside. */
interface Taps {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly weight: Float64Array;
}

/** @param place the scaled image's pixel that an output pixel shows */
function taps(inSize: number, outSize: number, place: (out: number) => number): Taps {
  const first = new Int32Array(outSize);
  const second = new Int32Array(outSize);
  const weight = new Float64Array(outSize).fill(-1);
  for (let out = 0; out < outSize; out++) {
    const scaled = place(out);
    if (scaled < 0 || scaled >= outSize) continue;
    const coordinate = sourceCoordinate(scaled, inSize, outSize);
    const whole = Math.floor(coordinate);
    first[out] = whole;
    second[out] = Math.min(whole + 1, inSize - 1);
    weight[out] = coordinate - whole;
  }
  return { first, second, weight };
}
