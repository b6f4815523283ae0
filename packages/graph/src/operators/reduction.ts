/** Sums, means and largest elements along axes. */
import type { Operator, Role } from "./operator.ts";

/** Along `axes`, which stay with length 1 unless `keepdims` is 0. */
const along = (role: Role): Operator => ({
  role,
  attributes: { axes: "ints", keepdims: "int" },
  shapes(node) {
    const axes = node.axes("axes");
    const kept = node.int("keepdims", 1) === 1;
    return [node.input(0).flatMap((size, axis) => (axes.includes(axis) ? (kept ? [1] : []) : [size]))];
  },
});

export const reductions = {
  ReduceMean: along("linear"),
  ReduceSum: along("linear"),
  ReduceMax: along("select"),
};
