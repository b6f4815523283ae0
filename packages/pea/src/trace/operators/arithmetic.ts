import type { AtenCall } from "../aten-call.ts";
import type { Converter } from "./converter.ts";

export const arithmetic: Record<string, Converter> = {
  "aten::add": (op) => scaledBy1(op) && pair(op, "Add"),
  "aten::sub": (op) => scaledBy1(op) && pair(op, "Sub"),
  "aten::mul": (op) => pair(op, "Mul"),
  "aten::div": (op) => (op.isGiven("rounding_mode") ? op.refuse("it rounds the quotient") : pair(op, "Div")),
};

/** Of two tensors, or of a tensor and a number. */
function pair(op: AtenCall, operator: string): string {
  const other = op.isTensor("other") ? op.tensor("other") : op.constant(op.number("other"));
  return op.node(operator, [op.tensor("self"), other]);
}

function scaledBy1(op: AtenCall): true {
  return op.number("alpha") === 1 || op.refuse("it scales its second operand");
}
