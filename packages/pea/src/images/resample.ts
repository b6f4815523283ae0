import { IGNORED } from "./label-table.ts";
import { native, type Taps } from "./native.ts";
import type { Size, Window } from "./transforms/crop.ts";
import type { Move } from "./transforms/move.ts";

/** A decoded image: RGB, one byte each, row by row. */
export interface Pixels extends Size {
  readonly data: Uint8Array;
}

/** Classes of an image's pixels, one byte each, row by row. */
export interface ClassMap extends Size {
  readonly data: Uint8Array;
}

/**
 * Where output pixel `out` of `outSize` lies among `inSize` input pixels: half-pixel centres, as libtorch's
 * `upsample_bilinear2d` with `align_corners = false` (spec recipes 1.5).
 */
export function sourceCoordinate(out: number, inSize: number, outSize: number): number {
  return Math.max(0, (out + 0.5) * (inSize / outSize) - 0.5);
}

/** How an image comes to be the output: scaled to its size, padded, and moved within. */
export interface Framing {
  readonly size: Size;
  readonly move: Move;
  /** The move's, see `drawMove`. */
  readonly padding: number;
}

/**
 * Scales a window of an image to the size of the output, bilinear and without antialiasing, mirrored and moved on the
 * way: one pass over the output, which holds RGB bytes, each rounded to the nearest. What was moved in is black.
 *
 * @param out height · width · 3 bytes
 */
export function resample({ data, width }: Pixels, window: Window, framing: Framing, out: Uint8Array): void {
  const { size } = framing;
  const { row, column } = placement(framing);
  const rows = taps(window.top, window.height, size.height, row);
  const columns = taps(window.left, window.width, size.width, column);
  native().blend(
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
 * Scales a map of classes to the size of the output, mirrored and moved on the way as `resample` does with its image.
 * Each pixel takes the class at its centre; what was moved in is ignored.
 *
 * @param out height · width bytes
 */
export function resampleClasses({ data, width, height }: ClassMap, framing: Framing, out: Uint8Array): void {
  const { size } = framing;
  const { row, column } = placement(framing);
  const nearest = (inSize: number, outSize: number, place: (out: number) => number) =>
    Int32Array.from({ length: outSize }, (_, at) => {
      const scaled = place(at);
      return scaled < 0 || scaled >= outSize ? -1 : Math.floor((scaled + 0.5) * (inSize / outSize));
    });
  const rows = nearest(height, size.height, row);
  const columns = nearest(width, size.width, column);
  for (const [y, fromRow] of rows.entries())
    for (const [x, fromColumn] of columns.entries())
      out[y * size.width + x] =
        fromRow < 0 || fromColumn < 0 ? IGNORED : (data[fromRow * width + fromColumn] as number);
}

/** The pixel of the scaled image, maybe outside of it, that a row and a column of the output show. */
function placement({ move: { isMirrored, top, left }, padding, size }: Framing) {
  return {
    row: (y: number) => y + top - padding,
    column: (x: number) => (isMirrored ? size.width - 1 - x : x) + left - padding,
  };
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
