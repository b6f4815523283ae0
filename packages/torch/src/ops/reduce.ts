/**
 * Reductions over all elements or over the dimensions in `dim`; negative dimensions count from the end. A
 * dimension that the tensor does not have is a TorchError.
 * @module
 */
import { call } from "../call.ts";
import type { DType, Tensor } from "../tensor.ts";

/** What a reduction runs over. */
export interface ReduceOptions {
  /** One or several dimensions; all of them by default. */
  dim?: number | readonly number[];
  /** Keep the reduced dimensions with size 1. */
  keepdim?: boolean;
}

/** Sum; integers are summed in int64. `dtype` sets the type that is summed in and returned. */
export function sum(self: Tensor, { dim, keepdim, dtype }: ReduceOptions & { dtype?: DType } = {}): Tensor {
  return call("aten::sum.dim_IntList", self, dim, keepdim, dtype);
}

/** Arithmetic mean of floating-point elements (or of any with a floating-point `dtype`); NaN when empty. */
export function mean(self: Tensor, { dim, keepdim, dtype }: ReduceOptions & { dtype?: DType } = {}): Tensor {
  return call("aten::mean.dim", self, dim, keepdim, dtype);
}

/** Variance Σ(x − mean)² / (N − correction); correction 1 (unbiased) by default. */
export function variance(
  self: Tensor,
  { dim, keepdim, correction }: ReduceOptions & { correction?: number } = {},
): Tensor {
  return call("aten::var.correction", self, dim, correction, keepdim);
}

/** Largest element; a gradient is shared evenly among equal ones. */
export function amax(self: Tensor, { dim, keepdim }: ReduceOptions = {}): Tensor {
  return call("aten::amax", self, dim, keepdim);
}

/** Smallest element; a gradient is shared evenly among equal ones. */
export function amin(self: Tensor, { dim, keepdim }: ReduceOptions = {}): Tensor {
  return call("aten::amin", self, dim, keepdim);
}

/** Position (int64) of the largest element along `dim`, or in the flattened tensor. */
export function argmax(self: Tensor, { dim, keepdim }: { dim?: number; keepdim?: boolean } = {}): Tensor {
  return call("aten::argmax", self, dim, keepdim);
}

/** The k largest elements along `dim` (the last by default; the smallest with `largest: false`), in order. */
export function topk(
  self: Tensor,
  k: number,
  { dim, largest }: { dim?: number; largest?: boolean } = {},
): { values: Tensor; indices: Tensor } {
  const [values, indices] = call<[Tensor, Tensor]>("aten::topk", self, k, dim, largest);
  return { values, indices };
}
