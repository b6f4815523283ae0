/** Weights of layers: along which axis their outputs lie, and what is made of them. */
import type { Constant, GraphNode } from "./graph.ts";

const outputAxes: Readonly<Record<string, (node: GraphNode) => 0 | 1>> = {
  Conv: () => 0,
  ConvTranspose: () => 1,
  Gemm: ({ attributes }) => (attributes.transB === 1 ? 0 : 1),
};

/**
 * The axis of a layer's weight that its outputs lie along, in a transposed convolution those of one group; undefined of
 * operators that are no layer with weight and bias.
 */
export function outputAxis(node: GraphNode): 0 | 1 | undefined {
  return node.opaque === undefined ? outputAxes[node.operator]?.(node) : undefined;
}

/** A constant of float32 times a factor for each place along an axis, which is as long or a multiple of it. */
export function scaledAlong({ shape, data }: Constant, axis: number, factors: ArrayLike<number>): Constant {
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  // A copy that is changed: `Float32Array.from` keeps every number as an object meanwhile.
  const values = (data as Float32Array).slice();
  for (let start = 0, place = 0; start < values.length; start += inner, place++) {
    const factor = factors[place % factors.length] as number;
    for (let i = start; i < start + inner; i++) values[i] = (values[i] as number) * factor;
  }
  return { shape, data: values };
}

/** A matrix of float32 [rows, columns] as [columns, rows]. */
export function transposed({ shape: [rows = 0, columns = 0], data }: Constant): Constant {
  const turned = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      turned[column * rows + row] = Number(data[row * columns + column]);
  return { shape: [columns, rows], data: turned };
}
