/**
 * Element by element. Two tensors broadcast against each other as in NumPy; where they do not, or where a
 * dtype has no such operation, every function here throws a TorchError that names the operator and the shapes.
 * @module
 */
import { call } from "../call.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { isTensor, type Operand, type Scalar } from "./operand.ts";

/** Factor of the second operand of `add` and `sub`; 1 by default. */
export interface AlphaOptions {
  alpha?: Scalar;
}

/** self + alpha · other. */
export function add(self: Tensor, other: Operand, options: AlphaOptions = {}): Tensor {
  const { alpha } = optionsOf("add(x, y, { alpha })", options);
  return call(isTensor(other) ? "aten::add.Tensor" : "aten::add.Scalar", self, other, alpha);
}

/** self − alpha · other. */
export function sub(self: Tensor, other: Operand, options: AlphaOptions = {}): Tensor {
  const { alpha } = optionsOf("sub(x, y, { alpha })", options);
  return call(isTensor(other) ? "aten::sub.Tensor" : "aten::sub.Scalar", self, other, alpha);
}

/** self · other. */
export function mul(self: Tensor, other: Operand): Tensor {
  return call(isTensor(other) ? "aten::mul.Tensor" : "aten::mul.Scalar", self, other);
}

/** self / other, a true division: integers give float32. With `roundingMode` the quotient is rounded. */
export function div(
  self: Tensor,
  other: Operand,
  options: { roundingMode?: "trunc" | "floor" } = {},
): Tensor {
  const { roundingMode } = optionsOf("div(x, y, { roundingMode })", options);
  if (roundingMode === undefined) {
    return call(isTensor(other) ? "aten::div.Tensor" : "aten::div.Scalar", self, other);
  }
  return call(isTensor(other) ? "aten::div.Tensor_mode" : "aten::div.Scalar_mode", self, other, roundingMode);
}

/** −self. */
export function neg(self: Tensor): Tensor {
  return call("aten::neg", self);
}

/** |self|. */
export function abs(self: Tensor): Tensor {
  return call("aten::abs", self);
}

/** e to the power of self. */
export function exp(self: Tensor): Tensor {
  return call("aten::exp", self);
}

/** Natural logarithm; NaN below 0, −∞ at 0. */
export function log(self: Tensor): Tensor {
  return call("aten::log", self);
}

/** Square root; NaN below 0. */
export function sqrt(self: Tensor): Tensor {
  return call("aten::sqrt", self);
}

/** self to the power of exponent; one of the two may be a plain number. */
export function pow(self: Tensor | Scalar, exponent: Operand): Tensor {
  if (!isTensor(self)) return call("aten::pow.Scalar", self, exponent);
  return call(isTensor(exponent) ? "aten::pow.Tensor_Tensor" : "aten::pow.Tensor_Scalar", self, exponent);
}

/** min(max(self, min), max); a bound that is left out does not bind, but one of them must be given. */
export function clamp(self: Tensor, options: { min?: Scalar; max?: Scalar }): Tensor {
  const { min, max } = optionsOf("clamp(x, { min, max })", options);
  return call("aten::clamp", self, min, max);
}

/** The smaller of two elements; NaN when either is NaN. */
export function minimum(self: Tensor, other: Tensor): Tensor {
  return call("aten::minimum", self, other);
}

/** The larger of two elements; NaN when either is NaN. */
export function maximum(self: Tensor, other: Tensor): Tensor {
  return call("aten::maximum", self, other);
}
