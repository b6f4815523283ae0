/**
 * Batch normalization folded into the weights before it: with s = scale / √(variance + ε),
 * s · (W ∗ x + b − mean) + shift = (s · W) ∗ x + (s · (b − mean) + shift).
 *
 * @module
 */
import { type Constant, floatsOf, type Graph, type GraphNode, producersOf, readersOf } from "../graph.ts";
import { inferShapes } from "../infer-shapes.ts";
import { outputAxis, scaledAlong } from "../weights.ts";
import { removeDeadNodes } from "./remove-dead-nodes.ts";

/**
 * Without batch normalization: its numbers become part of the weights of the `Conv`, `ConvTranspose` or `Gemm` before it,
 * where nothing else reads that one's result; elsewhere it becomes a `Mul` and an `Add`. Folded weights are computed in
 * float64, rounded once, and named after the node: they are no longer those of the network's keys.
 */
export function foldBatchNorms(graph: Graph): Graph {
  const producers = producersOf(graph);
  const readers = readersOf(graph);
  const shapes = inferShapes(graph);
  const constants = new Map(graph.constants);
  const replaced = new Map<GraphNode, readonly GraphNode[]>();
  for (const node of graph.nodes) {
    if (node.operator !== "BatchNormalization") continue;
    const input = node.inputs[0] as string;
    const before = producers.get(input);
    const isRead = (readers.get(input)?.length ?? 0) > 1 || graph.outputs.includes(input);
    if (before !== undefined && !isRead && canTake(graph, before)) {
      replaced.set(before, []);
      replaced.set(node, [folded(graph, before, node, constants)]);
    } else {
      replaced.set(node, spelledOut(graph, node, shapes.get(input)?.length ?? 2, constants));
    }
  }
  const nodes = graph.nodes.flatMap((node) => replaced.get(node) ?? [node]);
  return removeDeadNodes({ ...graph, nodes, constants });
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

function spelledOut(
  graph: Graph,
  norm: GraphNode,
  rank: number,
  constants: Map<string, Constant>,
): readonly GraphNode[] {
  const { factor, offset } = affine(graph, norm);
  const [input = ""] = norm.inputs;
  const [output = ""] = norm.outputs;
  const shape = [factor.length, ...new Array<number>(Math.max(0, rank - 2)).fill(1)];
  const constant = (part: string, values: Float64Array): string => {
    constants.set(`${output}/${part}`, { shape, data: Float32Array.from(values) });
    return `${output}/${part}`;
  };
  const { path } = norm;
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
