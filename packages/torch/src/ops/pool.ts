/**
 * Pooling of [N, C, H, W] (or [C, H, W]) over windows of each channel.
 * @module
 */
import { call } from "../call.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import type { Pair } from "./conv.ts";

/** Options of pooling over windows. */
export interface PoolOptions {
  /** The kernel size by default. */
  stride?: Pair;
  /** Added on both sides of each axis, at most half the kernel: −∞ for the maximum, zeros for the average. */
  padding?: Pair;
  /** Round the output size up, so that a window may end beyond the padding. */
  ceilMode?: boolean;
}

/** Options of max pooling. */
export interface MaxPoolOptions extends PoolOptions {
  /** Steps between the elements of a window; 1 by default. */
  dilation?: Pair;
}

/** Largest element of each window. */
export function maxPool2d(self: Tensor, kernelSize: Pair, options: MaxPoolOptions = {}): Tensor {
  const { stride, padding, dilation, ceilMode } = optionsOf(
    "maxPool2d(x, kernelSize, { stride, padding, dilation, ceilMode })",
    options,
  );
  return call("aten::max_pool2d", self, kernelSize, stride, padding, dilation, ceilMode);
}

/** Mean of each window; padded zeros count unless `countIncludePad` is false. */
export function avgPool2d(
  self: Tensor,
  kernelSize: Pair,
  options: PoolOptions & { countIncludePad?: boolean } = {},
): Tensor {
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
