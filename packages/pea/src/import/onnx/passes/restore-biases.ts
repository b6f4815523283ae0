/** Biases that an exporter left out because they were zero. */
import type { Constant, Graph } from "@pea/graph";

/**
 * With a bias of zeros in each `Gemm` that has none, which is what becomes of a layer's zero bias, and in each of these
 * convolutions.
 *
 * @param convolutions names of what they compute
 */
export function restoreBiases(graph: Graph, convolutions: ReadonlySet<string>): Graph {
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.map((node) => {
    const [input = "", weight = "", bias = ""] = node.inputs;
    const [output = ""] = node.outputs;
    const shape = constants.get(weight)?.shape;
    const isLacking = node.operator === "Gemm" || (node.operator === "Conv" && convolutions.has(output));
    if (bias !== "" || shape === undefined || !isLacking) return node;
    const isTurned = node.operator === "Conv" || node.attributes.transB === 1;
    const length = shape[isTurned ? 0 : 1] as number;
    const zeros: Constant = { shape: [length], data: new Float32Array(length) };
    constants.set(`${output}/bias`, zeros);
    return { ...node, inputs: [input, weight, `${output}/bias`] };
  });
  return { ...graph, nodes, constants };
}
