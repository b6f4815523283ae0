import { Tensor } from "../tensor.ts";

/** A plain number, as ATen's Scalar: an integer keeps integer tensors integer, a fraction makes them float. */
export type Scalar = number | bigint | boolean;

/** The second operand of an arithmetic operator or comparison: a tensor that broadcasts, or a plain number. */
export type Operand = Tensor | Scalar;

/** True where an operand asks for the `.Tensor` overload, false where it asks for the `.Scalar` overload. */
export function isTensor(operand: Operand): operand is Tensor {
  return operand instanceof Tensor;
}
