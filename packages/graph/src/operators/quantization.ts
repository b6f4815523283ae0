/** Numbers as integers, and back; inputs x, scale, zero point, of one number or one for each place along `axis`. */
import type { Operator } from "./operator.ts";

const convert: Operator = { role: "linear", attributes: { axis: "int" }, shapes: (node) => [node.input(0)] };

export const quantization = {
  /** x / scale + zero point, rounded, halves to even, and cut off at the ends of the zero point's type. */
  QuantizeLinear: convert,
  /** (x − zero point) · scale. */
  DequantizeLinear: convert,
};
