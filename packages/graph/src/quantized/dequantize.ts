/** A network of integers as the network of floats that it stands for. */
import type { Constant, Graph, GraphNode } from "../graph.ts";
import { dequantizedConstant } from "./quantized-constant.ts";
import {
  type FusedActivation,
  fusedBounds,
  type Quantization,
  type QuantizedGraph,
  type QuantizedNode,
} from "./quantized-graph.ts";

/**
 * The same with floats as constants and every activation as a node of its own. Values keep their names; what a layer
 * computes before its activation is `NAME/linear`.
 */
export function dequantize({ quantizations, constants, ...graph }: QuantizedGraph): Graph {
  const floats = [...constants].map(([name, constant]): [string, Constant] => [
    name,
    dequantizedConstant(constant, quantizations.get(name) as Quantization),
  ]);
  return { ...graph, nodes: withoutFused(graph.nodes), constants: new Map(floats) };
}

const activations: Readonly<Record<FusedActivation, Pick<GraphNode, "operator" | "attributes">>> = {
  relu: { operator: "Relu", attributes: {} },
  relu6: { operator: "Clip", attributes: fusedBounds.relu6 },
};

/** With every activation as a node of its own, in the order of the graph. */
export function withoutFused(nodes: readonly QuantizedNode[]): GraphNode[] {
  return nodes.flatMap(({ fused, ...node }): GraphNode[] => {
    if (fused === undefined) return [node];
    const linear = node.outputs.map((name) => `${name}/linear`);
    const { path, outputs } = node;
    return [
      { ...node, outputs: linear },
      { ...activations[fused], inputs: linear, outputs, path },
    ];
  });
}
