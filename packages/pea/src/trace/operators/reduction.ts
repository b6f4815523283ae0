import { isOpen } from "@pea/graph";
import type { AtenCall } from "../aten-call.ts";
import type { Converter } from "./converter.ts";

export const reduction: Record<string, Converter> = {
  "aten::mean": (op) => reduce(op, "ReduceMean"),
  "aten::sum": (op) => reduce(op, "ReduceSum"),
  "aten::amax": (op) => reduce(op, "ReduceMax"),
};

function reduce(op: AtenCall, operator: string): string {
  const input = op.tensor("self");
  const shape = op.shape(input);
  if (op.isGiven("dtype")) op.refuse("it changes the type of its input");
  const given = op.isGiven("dim") ? op.numbers("dim") : [];
  const axes = given.length === 0 ? [...shape.keys()] : given.map((axis) => op.axisOf(axis, input));
  if (axes.some((axis) => isOpen(shape[axis])))
    op.refuse("it runs over the batch, whose size must stay open");
  return op.node(operator, [input], { axes, keepdims: op.flag("keepdim") ? 1 : 0 });
}
