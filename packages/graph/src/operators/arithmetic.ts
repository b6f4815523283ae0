/** Element by element, of two tensors that are stretched along axes of length 1. */
import { formatShape, type Shape, type Size } from "../graph.ts";
import type { NodeReader, Operator } from "./operator.ts";

const sum: Operator = { role: "linear", attributes: {}, shapes: broadcast };
const product: Operator = { role: "multiply", attributes: {}, shapes: broadcast };

/** −x. */
const Neg: Operator = { role: "linear", attributes: {}, shapes: (node) => [node.input(0)] };

export const arithmetic = { Add: sum, Sub: sum, Mul: product, Div: product, Neg };

function broadcast(node: NodeReader): Shape[] {
  const [a, b] = [node.input(0), node.input(1)];
  return [broadcastShapes(node, a, b)];
}

/** The shape that both are stretched to, aligned at the last axis. */
export function broadcastShapes(node: NodeReader, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const aligned = (shape: Shape, axis: number): Size => shape[axis - (rank - shape.length)] ?? 1;
  return Array.from({ length: rank }, (_, axis) => {
    const [left, right] = [aligned(a, axis), aligned(b, axis)];
    if (left === right || right === 1) return left;
    if (left === 1) return right;
    return node.refuse(`${formatShape(a)} and ${formatShape(b)} do not fit each other`);
  });
}
