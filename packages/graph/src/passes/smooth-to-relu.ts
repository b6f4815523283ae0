import type { Graph } from "../graph.ts";

/** Smooth activations by themselves, of one tensor each. */
const smooth: ReadonlySet<string> = new Set(["Elu", "Gelu", "HardSwish", "Mish", "Swish"]);

/** With ReLU in the place of each smooth activation. Gates, which multiply another tensor, stay. */
export function smoothToRelu(graph: Graph): Graph {
  const nodes = graph.nodes.map((node) =>
    smooth.has(node.operator) ? { ...node, operator: "Relu", attributes: {} } : node,
  );
  return { ...graph, nodes };
}
