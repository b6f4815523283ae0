/**
 * Pooling of [N, C, H, W] or, where said, [N, C, L] over windows of each channel.
 * @module
 */
import { call } from "../call.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import type { Pair } from "./pair.ts";

/** Options of pooling over windows. */
export interface PoolOptions<Size = Pair> {
  /** The kernel size by default. */
  stride?: Size;
  /** Added on both sides of each axis, at most half the kernel: −∞ for the maximum, zeros for the average. */
  padding?: Size;
  /** Round the output size up, so that a window may end beyond the padding. */
  ceilMode?: boolean;
}

/** Options of max pooling. */
export interface MaxPoolOptions<Size = Pair> extends PoolOptions<Size> {
  /** Steps between the elements of a window; 1 by default. */
  dilation?: Size;
}

/** Options of average pooling. */
export interface AvgPoolOptions<Size = Pair> extends PoolOptions<Size> {
  /** Whether padded zeros count; true by default. */
  countIncludePad?: boolean;
}

/** Largest element of each window. */
export function maxPool2d(self: Tensor, kernelSize: Pair, options: MaxPoolOptions = {}): Tensor {
  const { stride, padding, dilation, ceilMode } = optionsOf(
    "maxPool2d(x, kernelSize, { stride, padding, dilation, ceilMode })",
    options,
  );
  return call("aten::max_pool2d", self, kernelSize, stride, padding, dilation, ceilMode);
}

/** Mean of each window. */
export function avgPool2d(self: Tensor, kernelSize: Pair, options: AvgPoolOptions = {}): Tensor {
  const { stride, padding, ceilMode, countIncludePad } = optionsOf(
    "avgPool2d(x, kernelSize, { stride, padding, ceilMode, countIncludePad })",
    options,
  );
  return call("aten::avg_pool2d", self, kernelSize, stride, padding, ceilMode, countIncludePad);
}

/** Means of windows chosen so that the output is [N, C, ...outputSize]; 1 is global average pooling. */
export function adaptiveAvgPool2d(self: Tensor, outputSize: Pair): Tensor {
  return call("aten::adaptive_avg_pool2d", self, outputSize);
}

/** Largest element of each window of [N, C, L]. */
export function maxPool1d(self: Tensor, kernelSize: number, options: MaxPoolOptions<number> = {}): Tensor {
  const { stride, padding, dilation, ceilMode } = optionsOf(
    "maxPool1d(x, kernelSize, { stride, padding, dilation, ceilMode })",
    options,
  );
  return call("aten::max_pool1d", self, kernelSize, stride, padding, dilation, ceilMode);
}

/** Mean of each window of [N, C, L]. */
export function avgPool1d(self: Tensor, kernelSize: number, options: AvgPoolOptions<number> = {}): Tensor {
  const { stride, padding, ceilMode, countIncludePad } = optionsOf(
    "avgPool1d(x, kernelSize, { stride, padding, ceilMode, countIncludePad })",
    options,
  );
  return call("aten::avg_pool1d", self, kernelSize, stride, padding, ceilMode, countIncludePad);
}

/** Means of windows chosen so that the output is [N, C, outputSize]. */
export function adaptiveAvgPool1d(self: Tensor, outputSize: number): Tensor {
  return call("aten::adaptive_avg_pool1d", self, outputSize);
}
