/** Element by element, of two tensors that are stretched along axes of length 1. */
import { formatShape, type Shape, type Size } from "../graph.ts";
import type { NodeReader, Operator } from "./operator.ts";

const sum: Operator = { role: "linear", attributes: {}, shapes: ofTwo };
const product: Operator = { role: "multiply", attributes: {}, shapes: ofTwo };

/** −x. */
const Neg: Operator = { role: "linear", attributes: {}, shapes: (node) => [node.input(0)] };

export const arithmetic = { Add: sum, Sub: sum, Mul: product, Div: product, Neg };

function ofTwo(node: NodeReader): Shape[] {
  const [a, b] = [node.input(0), node.input(1)];
  return [broadcastShapes(node, a, b)];
}

/** The shape that two are stretched to, aligned at the last axis. */
export function broadcastShapes(node: NodeReader, a: Shape, b: Shape): Shape {
  return broadcast([a, b]) ?? node.refuse(`${formatShape(a)} and ${formatShape(b)} do not fit each other`);
}

/** The shape that several are stretched to along axes of length 1, aligned at the last axis; undefined where they do not fit. */
export function broadcast(shapes: readonly Shape[]): Shape | undefined {
  const rank = Math.max(...shapes.map(({ length }) => length));
  const sizes = Array.from({ length: rank }, (_, axis): Size | undefined => {
    const own = shapes.map((shape) => shape[axis - (rank - shape.length)] ?? 1);
    const size = own.find((each) => each !== 1) ?? 1;
    return own.every((each) => each === 1 || each === size) ? size : undefined;
  });
  return sizes.every((size) => size !== undefined) ? sizes : undefined;
}
