/**
 * Batch normalization folded into the weights before it: with s = scale / √(variance + ε),
 * s · (W ∗ x + b − mean) + shift = (s · W) ∗ x + (s · (b − mean) + shift).
 *
 * @module
 */
import { type Constant, floatsOf, type Graph, type GraphNode, readersOf } from "../graph.ts";
import { inferShapes } from "../infer-shapes.ts";
import { outputAxis, scaledAlong } from "../weights.ts";
import { removeDeadNodes } from "./remove-dead-nodes.ts";

/**
 * Without batch normalization: its numbers become part of the weights of the `Conv`, `ConvTranspose` or `Gemm` before it,
 * where nothing else reads that one's result; elsewhere it becomes a `Mul` and an `Add`. Folded weights are computed in
 * float64, rounded once, and named after the node: they are no longer those of the network's keys.
 */
export function foldBatchNorms(graph: Graph): Graph {
  return foldBatchNormsOr(graph, spelledOut);
}

/** What a batch normalization becomes that no layer takes. */
export type Replacement = (norm: LoneNorm) => readonly GraphNode[];

/** factor · x + offset, for each channel. */
export interface LoneNorm {
  readonly node: GraphNode;
  readonly factor: Float64Array;
  readonly offset: Float64Array;
  /** Axes of what is normalized. */
  readonly rank: number;
  /** Takes a constant, whose name begins with that of the node's output. */
  define(part: string, constant: Constant): string;
}

/** The same with something else in the place of those that no layer before them takes. */
export function foldBatchNormsOr(graph: Graph, elsewhere: Replacement): Graph {
  const readers = readersOf(graph);
  const shapes = inferShapes(graph);
  const constants = new Map(graph.constants);
  const now = { ...graph, constants };
  const producers = new Map<string, GraphNode>();
  const nodes = new Set<GraphNode>();
  const put = (node: GraphNode) => {
    nodes.add(node);
    for (const output of node.outputs) producers.set(output, node);
  };
  for (const node of graph.nodes) {
    const [input = ""] = node.inputs;
    const before = producers.get(input);
    if (node.operator !== "BatchNormalization") {
      put(node);
    } else if (before !== undefined && isReadOnce(input) && canTake(now, before)) {
      nodes.delete(before);
      put(folded(now, before, node, constants));
    } else {
      const rank = shapes.get(input)?.length ?? 2;
      const define = (part: string, constant: Constant): string => {
        const name = `${node.outputs[0]}/${part}`;
        constants.set(name, constant);
        return name;
      };
      for (const each of elsewhere({ node, ...affine(now, node), rank, define })) put(each);
    }
  }
  return removeDeadNodes({ ...graph, nodes: [...nodes], constants });

  function isReadOnce(name: string): boolean {
    return (readers.get(name)?.length ?? 0) === 1 && !graph.outputs.includes(name);
  }
}

function canTake({ constants }: Graph, layer: GraphNode): boolean {
  const { operator, inputs, attributes } = layer;
  const [, weight = "", bias = ""] = inputs;
  const { alpha = 1, beta = 1, group = 1 } = attributes;
  return (
    outputAxis(layer) !== undefined &&
    constants.has(weight) &&
    (bias === "" || constants.has(bias)) &&
    alpha === 1 &&
    beta === 1 &&
    // A transposed convolution counts its channels within each group.
    (operator !== "ConvTranspose" || group === 1)
  );
}

function folded(
  graph: Graph,
  layer: GraphNode,
  norm: GraphNode,
  constants: Map<string, Constant>,
): GraphNode {
  const { factor, offset } = affine(graph, norm);
  const [input = "", weightName = "", biasName = ""] = layer.inputs;
  const weight = { ...(constants.get(weightName) as Constant), data: floatsOf(graph, weightName) };
  const bias = biasName === "" ? undefined : floatsOf(graph, biasName);
  const name = layer.outputs[0] as string;
  constants.set(`${name}/weight`, scaledAlong(weight, outputAxis(layer) ?? 0, factor));
  constants.set(`${name}/bias`, {
    shape: [factor.length],
    data: Float32Array.from(offset, (value, c) => value + (factor[c] as number) * (bias?.[c] ?? 0)),
  });
  return { ...layer, inputs: [input, `${name}/weight`, `${name}/bias`], outputs: norm.outputs };
}

export function spelledOut({ node, factor, offset, rank, define }: LoneNorm): readonly GraphNode[] {
  const { inputs, outputs, path } = node;
  const [input = ""] = inputs;
  const [output = ""] = outputs;
  const shape = [factor.length, ...new Array<number>(Math.max(0, rank - 2)).fill(1)];
  const constant = (part: string, values: Float64Array) =>
    define(part, { shape, data: Float32Array.from(values) });
  const scaled = `${output}/scaled`;
  return [
    { operator: "Mul", inputs: [input, constant("scale", factor)], outputs: [scaled], attributes: {}, path },
    { operator: "Add", inputs: [scaled, constant("shift", offset)], outputs: [output], attributes: {}, path },
  ];
}

/** factor · x + offset, for each channel. */
function affine(graph: Graph, norm: GraphNode): { factor: Float64Array; offset: Float64Array } {
  const [scale, shift, mean, variance] = norm.inputs.slice(1).map((name) => floatsOf(graph, name));
  const { epsilon = 1e-5 } = norm.attributes;
  const factor = Float64Array.from(
    scale ?? [],
    (value, c) => value / Math.sqrt((variance?.[c] as number) + Number(epsilon)),
  );
  const offset = factor.map((value, c) => (shift?.[c] as number) - value * (mean?.[c] as number));
  return { factor, offset };
}
