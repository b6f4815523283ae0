/** Sums, means and largest elements along axes. */
import type { Converter } from "./converter.ts";

const reduction: Converter = (node) => {
  const given = node.integers("axes") ?? [];
  if (given.length === 0 && node.number("noop_with_empty_axes") === 1) return node.same(node.nameOf(0));
  const all = [...node.shape(0).keys()];
  const axes = given.length > 0 ? given.map((axis) => node.axis(axis)).sort((a, b) => a - b) : all;
  node.result(node.operator, [node.input(0)], { axes, keepdims: node.number("keepdims") ?? 1 });
};

export const reductions: Readonly<Record<string, Converter>> = {
  ReduceMean: reduction,
  ReduceSum: reduction,
  ReduceMax: reduction,
};
