/** Biases that an exporter left out because they were zero. */
import { type Constant, type Graph, outputAxis } from "@pea/graph";

/**
 * With a bias of zeros in each layer that had one.
 *
 * @param lost names of what these layers compute
 */
export function restoreBiases(graph: Graph, lost: ReadonlySet<string>): Graph {
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.map((node) => {
    const [input = "", weight = "", bias = ""] = node.inputs;
    const [output = ""] = node.outputs;
    const shape = constants.get(weight)?.shape;
    if (bias !== "" || shape === undefined || !lost.has(output)) return node;
    const length = shape[outputAxis(node) ?? 1] as number;
    const zeros: Constant = { shape: [length], data: new Float32Array(length) };
    constants.set(`${output}/bias`, zeros);
    return { ...node, inputs: [input, weight, `${output}/bias`] };
  });
  return { ...graph, nodes, constants };
}
