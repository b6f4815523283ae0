import type { Graph, GraphNode } from "../../graph.ts";

/** A graph without a node, and the value that has another name now. */
export interface Without {
  readonly graph: Graph;
  /** Readers of `from` read `to`, which may be what `from` was before. */
  readonly renamed?: { readonly from: string; readonly to: string };
}

/**
 * Without a node of one output, whose readers read its first input. What the network gives back keeps its name: then the
 * input takes the output's. A node between an input and an output of the network stays.
 *
 * @param node of the graph, or that which has its outputs now
 */
export function removeNode(graph: Graph, { outputs: [output = ""] }: GraphNode): Without {
  const node = graph.nodes.find(({ outputs }) => outputs[0] === output);
  if (node === undefined) return { graph };
  const [input = ""] = node.inputs;
  const isOutput = graph.outputs.includes(output);
  const isFixed = graph.inputs.some(({ name }) => name === input) || graph.outputs.includes(input);
  if (isOutput && isFixed) return { graph };
  const [from, to] = isOutput ? [input, output] : [output, input];
  const renamed = (names: readonly string[]) => names.map((name) => (name === from ? to : name));
  const nodes = graph.nodes
    .filter((each) => each !== node)
    .map((each) => ({ ...each, inputs: renamed(each.inputs), outputs: renamed(each.outputs) }));
  return { graph: { ...graph, nodes }, renamed: { from, to } };
}
