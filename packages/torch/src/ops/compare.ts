/**
 * Comparison, choice and bits. Operands broadcast as in pointwise.ts; comparisons and `logical…` give bool.
 * @module
 */
import { call } from "../call.ts";
import type { Tensor } from "../tensor.ts";
import { isTensor, type Operand } from "./operand.ts";

/** self = other. */
export function eq(self: Tensor, other: Operand): Tensor {
  return call(isTensor(other) ? "aten::eq.Tensor" : "aten::eq.Scalar", self, other);
}

/** self ≠ other. */
export function ne(self: Tensor, other: Operand): Tensor {
  return call(isTensor(other) ? "aten::ne.Tensor" : "aten::ne.Scalar", self, other);
}

/** self < other. */
export function lt(self: Tensor, other: Operand): Tensor {
  return call(isTensor(other) ? "aten::lt.Tensor" : "aten::lt.Scalar", self, other);
}

/** self ≤ other. */
export function le(self: Tensor, other: Operand): Tensor {
  return call(isTensor(other) ? "aten::le.Tensor" : "aten::le.Scalar", self, other);
}

/** self > other. */
export function gt(self: Tensor, other: Operand): Tensor {
  return call(isTensor(other) ? "aten::gt.Tensor" : "aten::gt.Scalar", self, other);
}

/** self ≥ other. */
export function ge(self: Tensor, other: Operand): Tensor {
  return call(isTensor(other) ? "aten::ge.Tensor" : "aten::ge.Scalar", self, other);
}

/** The element of `self` where the bool tensor `condition` holds, else that of `other`. All three broadcast. */
export function where(condition: Tensor, self: Operand, other: Operand): Tensor {
  if (isTensor(self)) {
    return call(isTensor(other) ? "aten::where.self" : "aten::where.ScalarOther", condition, self, other);
  }
  return call(isTensor(other) ? "aten::where.ScalarSelf" : "aten::where.Scalar", condition, self, other);
}

/** Both are non-zero. */
export function logicalAnd(self: Tensor, other: Tensor): Tensor {
  return call("aten::logical_and", self, other);
}

/** At least one is non-zero. */
export function logicalOr(self: Tensor, other: Tensor): Tensor {
  return call("aten::logical_or", self, other);
}

/** The element is zero. */
export function logicalNot(self: Tensor): Tensor {
  return call("aten::logical_not", self);
}

/** Bitwise and of integers or booleans. */
export function bitwiseAnd(self: Tensor, other: Operand): Tensor {
  return call(isTensor(other) ? "aten::bitwise_and.Tensor" : "aten::bitwise_and.Scalar", self, other);
}

/** Bitwise or of integers or booleans. */
export function bitwiseOr(self: Tensor, other: Operand): Tensor {
  return call(isTensor(other) ? "aten::bitwise_or.Tensor" : "aten::bitwise_or.Scalar", self, other);
}

/** Bitwise exclusive or of integers or booleans. */
export function bitwiseXor(self: Tensor, other: Operand): Tensor {
  return call(isTensor(other) ? "aten::bitwise_xor.Tensor" : "aten::bitwise_xor.Scalar", self, other);
}

/** Bitwise complement of integers, logical complement of booleans. */
export function bitwiseNot(self: Tensor): Tensor {
  return call("aten::bitwise_not", self);
}

/** self shifted left by `other` bits. */
export function bitwiseLeftShift(self: Tensor, other: Operand): Tensor {
  return call(
    isTensor(other) ? "aten::bitwise_left_shift.Tensor" : "aten::bitwise_left_shift.Tensor_Scalar",
    self,
    other,
  );
}

/** self shifted right by `other` bits, the sign kept. */
export function bitwiseRightShift(self: Tensor, other: Operand): Tensor {
  return call(
    isTensor(other) ? "aten::bitwise_right_shift.Tensor" : "aten::bitwise_right_shift.Tensor_Scalar",
    self,
    other,
  );
}
