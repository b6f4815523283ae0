/** Where windows of two axes lie, and what padding they have. */
import type { QuantizedSite } from "../quantized-site.ts";

/** A window along one axis. */
export interface Window {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding before and after. */
  readonly before: number;
  readonly after: number;
}

/**
 * The windows of a node of [N, C, H, W] along H and W.
 *
 * @throws PeaError where there are other than two axes
 */
export function windowsOf(site: QuantizedSite, kernel: readonly number[]): readonly [Window, Window] {
  if (kernel.length !== 2 || site.input(0).length !== 4)
    site.refuse(`its window has ${kernel.length} axes; in integers it must have two`);
  const strides = site.ints("strides", [1, 1]);
  const dilations = site.ints("dilations", [1, 1]);
  const pads = site.ints("pads", [0, 0, 0, 0]);
  const along = (axis: 0 | 1): Window => ({
    kernel: kernel[axis] as number,
    stride: strides[axis] as number,
    dilation: dilations[axis] as number,
    before: pads[axis] as number,
    after: pads[axis + 2] as number,
  });
  return [along(0), along(1)];
}

/** The first and one past the last window whose tap at `offset` from its start lies within `size` elements. */
export function insideOf(stride: number, offset: number, size: number, count: number): [number, number] {
  const first = Math.max(0, Math.ceil(-offset / stride));
  const end = Math.min(count, Math.floor((size - 1 - offset) / stride) + 1);
  return [first, Math.max(first, end)];
}
