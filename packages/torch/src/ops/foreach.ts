/**
 * One operator over a list of tensors in a single call: an optimizer's step over all of its parameters.
 * Two lists are of one length, and their tensors pairwise of one shape, dtype and device.
 * @module
 */
import { call } from "../call.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import type { AlphaOptions } from "./pointwise.ts";

/** self[i] + alpha · other[i]. */
export function foreachAdd(
  self: readonly Tensor[],
  other: readonly Tensor[],
  options: AlphaOptions = {},
): Tensor[] {
  const { alpha } = optionsOf("foreachAdd(xs, ys, { alpha })", options);
  return call<Tensor[]>("aten::_foreach_add.List", self, other, alpha);
}

/** self[i] ← self[i] + alpha · other[i]. */
export function foreachAddInPlace(
  self: readonly Tensor[],
  other: readonly Tensor[],
  options: AlphaOptions = {},
): void {
  const { alpha } = optionsOf("foreachAddInPlace(xs, ys, { alpha })", options);
  call("aten::_foreach_add_.List", self, other, alpha);
}

/** self[i] ← self[i] + value. */
export function foreachAddScalarInPlace(self: readonly Tensor[], value: number): void {
  call("aten::_foreach_add_.Scalar", self, value);
}

/** self[i] · factor. */
export function foreachMul(self: readonly Tensor[], factor: number): Tensor[] {
  return call<Tensor[]>("aten::_foreach_mul.Scalar", self, factor);
}

/** self[i] ← self[i] · factor. */
export function foreachMulInPlace(self: readonly Tensor[], factor: number): void {
  call("aten::_foreach_mul_.Scalar", self, factor);
}

/** √self[i]. */
export function foreachSqrt(self: readonly Tensor[]): Tensor[] {
  return call<Tensor[]>("aten::_foreach_sqrt", self);
}

/** self[i] ← self[i] + value · a[i] · b[i]. */
export function foreachAddcmulInPlace(
  self: readonly Tensor[],
  a: readonly Tensor[],
  b: readonly Tensor[],
  options: { value?: number } = {},
): void {
  const { value = 1 } = optionsOf("foreachAddcmulInPlace(xs, as, bs, { value })", options);
  call("aten::_foreach_addcmul_.Scalar", self, a, b, value);
}

/** self[i] ← self[i] + value · a[i] / b[i]. */
export function foreachAddcdivInPlace(
  self: readonly Tensor[],
  a: readonly Tensor[],
  b: readonly Tensor[],
  options: { value?: number } = {},
): void {
  const { value = 1 } = optionsOf("foreachAddcdivInPlace(xs, as, bs, { value })", options);
  call("aten::_foreach_addcdiv_.Scalar", self, a, b, value);
}

/** The Euclidean norm of each self[i], scalars. */
export function foreachNorm(self: readonly Tensor[]): Tensor[] {
  return call<Tensor[]>("aten::_foreach_norm.Scalar", self, 2);
}

/** self[i] ← 0. */
export function foreachZeroInPlace(self: readonly Tensor[]): void {
  call("aten::_foreach_zero_", self);
}
