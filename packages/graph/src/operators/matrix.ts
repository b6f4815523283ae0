/** Products of matrices. */
import { elementsOf, formatShape, type Shape } from "../graph.ts";
import { broadcastShapes } from "./arithmetic.ts";
import type { NodeReader, Operator } from "./operator.ts";

/** alpha · A B + beta · C, of two axes each; A and B transposed where `transA` and `transB` are 1. */
const Gemm: Operator = {
  role: "multiply",
  attributes: { transA: "int", transB: "int", alpha: "float", beta: "float" },
  shapes(node) {
    const [rows, inner] = turned(node, 0, "transA");
    const [depth, columns] = turned(node, 1, "transB");
    return [[rows, columns].map((size) => matching(node, inner, depth) && size) as Shape];
  },
  macs: (node) => elementsOf(node.output) * node.fixed(turned(node, 0, "transA")[1]),
};

/** [..., m, k] × [..., k, n] → [..., m, n]. */
const MatMul: Operator = {
  role: "multiply",
  attributes: {},
  shapes(node) {
    const [a, b] = [node.input(0), node.input(1)];
    if (a.length < 2 || b.length < 2) node.refuse("it multiplies matrices, not vectors");
    matching(node, a.at(-1), b.at(-2));
    const outer = broadcastShapes(node, a.slice(0, -2), b.slice(0, -2));
    return [[...outer, a.at(-2) ?? 1, b.at(-1) ?? 1]];
  },
  macs: (node) => elementsOf(node.output) * node.fixed(node.input(0).at(-1)),
};

function turned(node: NodeReader, index: number, attribute: string): Shape {
  const shape = node.input(index);
  if (shape.length !== 2) node.refuse(`its input ${index} is ${formatShape(shape)}, no matrix`);
  return node.int(attribute, 0) === 1 ? [...shape].reverse() : shape;
}

function matching(node: NodeReader, inner: unknown, depth: unknown): true {
  return inner === depth || node.refuse(`it multiplies rows of ${inner} with columns of ${depth}`);
}

export const matrix = { Gemm, MatMul };
