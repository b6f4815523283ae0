/**
 * Reductions over all elements or over the dimensions in `dim`; negative dimensions count from the end. A
 * dimension that the tensor does not have is a TorchError.
 * @module
 */
import { call } from "../call.ts";
import type { DType } from "../dtype.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";

/** What a reduction runs over. */
export interface ReduceOptions {
  /** One or several dimensions; all of them by default. */
  dim?: number | readonly number[];
  /** Keep the reduced dimensions with size 1. */
  keepdim?: boolean;
}

/** Sum; integers are summed in int64. `dtype` sets the type that is summed in and returned. */
export function sum(self: Tensor, options: ReduceOptions & { dtype?: DType } = {}): Tensor {
  const { dim, keepdim, dtype } = optionsOf("sum(x, { dim, keepdim, dtype })", options);
  return call("aten::sum.dim_IntList", self, dim, keepdim, dtype);
}

/** Arithmetic mean of floating-point elements (or of any with a floating-point `dtype`); NaN when empty. */
export function mean(self: Tensor, options: ReduceOptions & { dtype?: DType } = {}): Tensor {
  const { dim, keepdim, dtype } = optionsOf("mean(x, { dim, keepdim, dtype })", options);
  return call("aten::mean.dim", self, dim, keepdim, dtype);
}

/** Variance Σ(x − mean)² / (N − correction); correction 1 (unbiased) by default. */
export function variance(self: Tensor, options: ReduceOptions & { correction?: number } = {}): Tensor {
  const { dim, keepdim, correction } = optionsOf("variance(x, { dim, keepdim, correction })", options);
  return call("aten::var.correction", self, dim, correction, keepdim);
}

/** Largest element; a gradient is shared evenly among equal ones. */
export function amax(self: Tensor, options: ReduceOptions = {}): Tensor {
  const { dim, keepdim } = optionsOf("amax(x, { dim, keepdim })", options);
  return call("aten::amax", self, dim, keepdim);
}

/** Smallest element; a gradient is shared evenly among equal ones. */
export function amin(self: Tensor, options: ReduceOptions = {}): Tensor {
  const { dim, keepdim } = optionsOf("amin(x, { dim, keepdim })", options);
  return call("aten::amin", self, dim, keepdim);
}

/** Position (int64) of the largest element along `dim`, or in the flattened tensor. */
export function argmax(self: Tensor, options: { dim?: number; keepdim?: boolean } = {}): Tensor {
  const { dim, keepdim } = optionsOf("argmax(x, { dim, keepdim })", options);
  return call("aten::argmax", self, dim, keepdim);
}

/** The k largest elements along `dim` (the last by default; the smallest with `largest: false`), in order. */
export function topk(
  self: Tensor,
  k: number,
  options: { dim?: number; largest?: boolean } = {},
): { values: Tensor; indices: Tensor } {
  const { dim, largest } = optionsOf("topk(x, k, { dim, largest })", options);
  const [values, indices] = call<[Tensor, Tensor]>("aten::topk", self, k, dim, largest);
  return { values, indices };
}
