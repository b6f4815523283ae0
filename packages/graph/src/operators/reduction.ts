/** Sums and means along axes. */
import type { Operator } from "./operator.ts";

const reduction: Operator = {
  role: "linear",
  attributes: { axes: "ints", keepdims: "int" },
  shapes(node) {
    const axes = node.axes("axes");
    const kept = node.int("keepdims", 1) === 1;
    return [node.input(0).flatMap((size, axis) => (axes.includes(axis) ? (kept ? [1] : []) : [size]))];
  },
};

export const reductions = { ReduceMean: reduction, ReduceSum: reduction };
