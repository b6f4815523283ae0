/**
 * Changes to a network of integers after which it computes the same bytes in a form that costs less on a chip.
 *
 * @module
 */
import {
  type Constant,
  inferShapes,
  type Quantization,
  type QuantizedGraph,
  type QuantizedNode,
  type Shape,
} from "@pea/graph";

/** What a node becomes. */
export interface Replacement {
  readonly nodes: readonly QuantizedNode[];
  /** Constants that the nodes read, by name, with their quantizations. */
  readonly constants?: ReadonlyMap<string, Constant>;
  readonly quantizations: ReadonlyMap<string, Quantization>;
}

/** Puts nodes in the place of another; undefined where it stays. */
export type Rewrite = (
  node: QuantizedNode,
  graph: QuantizedGraph,
  shapes: ReadonlyMap<string, Shape>,
) => Replacement | undefined;

/** A graph whose nodes have been offered to a rewrite, each once, and how many it took. */
export function rewritten(graph: QuantizedGraph, rewrite: Rewrite): { graph: QuantizedGraph; count: number } {
  const shapes = inferShapes(graph);
  const constants = new Map(graph.constants);
  const quantizations = new Map(graph.quantizations);
  let count = 0;
  const nodes = graph.nodes.flatMap((node) => {
    const replacement = rewrite(node, graph, shapes);
    if (replacement === undefined) return [node];
    count++;
    for (const [name, constant] of replacement.constants ?? []) constants.set(name, constant);
    for (const [name, quantization] of replacement.quantizations) quantizations.set(name, quantization);
    return replacement.nodes;
  });
  return { graph: { ...graph, nodes, constants, quantizations }, count };
}

/** Attributes of a convolution of images, those that are left out included. */
export interface ConvSettings {
  readonly kernel: readonly [rows: number, columns: number];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly group: number;
}

/** Of a `Conv` of [N, C, H, W]; undefined of other nodes. */
export function convSettings(
  { operator, inputs, attributes }: QuantizedNode,
  shapes: ReadonlyMap<string, Shape>,
): ConvSettings | undefined {
  const [, , rows, columns, ...more] = shapes.get(inputs[1] ?? "") ?? [];
  if (operator !== "Conv" || typeof rows !== "number" || typeof columns !== "number" || more.length > 0)
    return undefined;
  const ints = (name: string, absent: readonly number[]) =>
    (attributes[name] as readonly number[] | undefined) ?? absent;
  return {
    kernel: [rows, columns],
    strides: ints("strides", [1, 1]),
    dilations: ints("dilations", [1, 1]),
    pads: ints("pads", [0, 0, 0, 0]),
    group: Number(attributes.group ?? 1),
  };
}
