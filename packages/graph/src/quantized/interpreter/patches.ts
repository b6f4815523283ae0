/** What a convolution multiplies each of its weights with. */
import { insideOf, type Window } from "./windows.ts";

/** An image [C, H, W], and the windows that slide over it. */
export interface Sliding {
  readonly height: number;
  readonly width: number;
  readonly rows: Window;
  readonly columns: Window;
  /** How many windows there are. */
  readonly outHeight: number;
  readonly outWidth: number;
}

/** A window of one element, at each element. */
export function isPointwise({ rows, columns }: Sliding): boolean {
  return [rows, columns].every(
    ({ kernel, stride, before, after }) => kernel === 1 && stride === 1 && before === 0 && after === 0,
  );
}

/**
 * Patches [channels · kernel rows · kernel columns, windows] of the channels from `channel` on: for each tap of a kernel what
 * it lies on in every window, 0 in the padding.
 */
export function fillPatches(
  image: Float64Array,
  channel: number,
  channels: number,
  sliding: Sliding,
  patches: Float64Array,
): void {
  const { height, width, rows, columns, outHeight, outWidth } = sliding;
  let to = 0;
  for (let c = channel; c < channel + channels; c++)
    for (let ky = 0; ky < rows.kernel; ky++)
      for (let kx = 0; kx < columns.kernel; kx++) {
        const y = ky * rows.dilation - rows.before;
        const x = kx * columns.dilation - columns.before;
        const [firstRow, endRow] = insideOf(rows.stride, y, height, outHeight);
        const [first, end] = insideOf(columns.stride, x, width, outWidth);
        patches.fill(0, to, to + outHeight * outWidth);
        for (let oy = firstRow; oy < endRow; oy++) {
          const from = (c * height + oy * rows.stride + y) * width + x;
          const row = to + oy * outWidth;
          for (let ox = first; ox < end; ox++)
            patches[row + ox] = image[from + ox * columns.stride] as number;
        }
        to += outHeight * outWidth;
      }
}

/** Adds weights [taps] times patches [taps, windows] to sums [windows]. */
export function addProducts(
  sums: Float64Array,
  weights: Float64Array,
  first: number,
  patches: Float64Array,
  start: number,
  taps: number,
  windows: number,
): void {
  let tap = 0;
  for (; tap + 4 <= taps; tap += 4) {
    const a = weights[first + tap] as number;
    const b = weights[first + tap + 1] as number;
    const c = weights[first + tap + 2] as number;
    const d = weights[first + tap + 3] as number;
    const pa = start + tap * windows;
    const pb = pa + windows;
    const pc = pb + windows;
    const pd = pc + windows;
    for (let i = 0; i < windows; i++)
      sums[i] =
        (sums[i] as number) +
        a * (patches[pa + i] as number) +
        b * (patches[pb + i] as number) +
        c * (patches[pc + i] as number) +
        d * (patches[pd + i] as number);
  }
  for (; tap < taps; tap++) {
    const weight = weights[first + tap] as number;
    const from = start + tap * windows;
    for (let i = 0; i < windows; i++) sums[i] = (sums[i] as number) + weight * (patches[from + i] as number);
  }
}
