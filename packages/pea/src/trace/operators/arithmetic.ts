import type { AtenCall } from "../aten-call.ts";
import type { Converter } from "./converter.ts";

export const arithmetic: Record<string, Converter> = {
  "aten::add": (op) => op.node("Add", [op.tensor("self"), scaled(op)]),
  "aten::sub": (op) => op.node("Sub", [op.tensor("self"), scaled(op)]),
  "aten::mul": (op) => op.node("Mul", [op.tensor("self"), tensorOrNumber(op, "other")]),
  "aten::div": (op) => {
    if (op.isGiven("rounding_mode")) op.refuse("it rounds the quotient");
    return op.node("Div", [op.tensor("self"), tensorOrNumber(op, "other")]);
  },
  "aten::minimum": (op) => op.node("Min", [op.tensor("self"), op.tensor("other")]),
  "aten::maximum": (op) => op.node("Max", [op.tensor("self"), op.tensor("other")]),
  "aten::pow": (op) => op.node("Pow", [tensorOrNumber(op, "self"), tensorOrNumber(op, "exponent")]),
  "aten::neg": (op) => op.node("Neg", [op.tensor("self")]),
  "aten::abs": (op) => op.node("Abs", [op.tensor("self")]),
  "aten::exp": (op) => op.node("Exp", [op.tensor("self")]),
  "aten::sqrt": (op) => op.node("Sqrt", [op.tensor("self")]),
};

function tensorOrNumber(op: AtenCall, name: string): string {
  return op.isTensor(name) ? op.tensor(name) : op.constant(op.number(name));
}

/** The second operand, times alpha. */
function scaled(op: AtenCall): string {
  const alpha = op.number("alpha");
  if (!op.isTensor("other")) return op.constant(alpha * op.number("other"));
  return alpha === 1 ? op.tensor("other") : op.node("Mul", [op.tensor("other"), op.constant(alpha)]);
}
