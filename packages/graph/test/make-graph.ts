/** Graphs written down in few words. */
import type { Attributes, Constant, Graph, GraphNode, Shape } from "@pea/graph";

export const node = (
  operator: string,
  inputs: string[],
  output: string | string[],
  attributes: Attributes = {},
): GraphNode => ({
  operator,
  inputs,
  outputs: [output].flat(),
  attributes,
  path: [output].flat()[0] as string,
});

/** Of one input `x`; the last node's first output is the graph's. */
export function graphOf(
  shape: Shape,
  nodes: readonly GraphNode[],
  constants: Readonly<Record<string, Constant>> = {},
): Graph {
  return {
    inputs: [{ name: "x", shape }],
    outputs: [nodes.at(-1)?.outputs[0] as string],
    nodes,
    constants: new Map(Object.entries(constants)),
  };
}

/** Values that tell one element from another. */
export function constant(...shape: number[]): Constant & { data: Float32Array } {
  const length = shape.reduce((a, b) => a * b, 1);
  return { shape, data: Float32Array.from({ length }, (_, i) => Math.sin(i + length)) };
}
