/** ReLUs that an exporter merged because they bend the same tensor. */
import { type Graph, type GraphNode, readersOf } from "@pea/graph";
import { freeName } from "./free-name.ts";

/**
 * With a ReLU for each node that reads one, where several do: the first under its own path, the others under that and a
 * number. What the network computes stays.
 */
export function separateRelus(graph: Graph): Graph {
  const readers = readersOf(graph);
  const names = namesOf(graph);
  const paths = new Set(graph.nodes.map(({ path }) => path));
  const renamed = new Map<GraphNode, Map<string, string>>();
  const nodes = graph.nodes.flatMap((node): GraphNode[] => {
    const [output = ""] = node.outputs;
    if (node.operator !== "Relu") return [node];
    const [, ...others] = new Set(readers.get(output));
    const copies = others.map((reader, i): GraphNode => {
      const own = freeName(`${output}/${i + 1}`, names);
      renamed.set(reader, new Map(renamed.get(reader)).set(output, own));
      return { ...node, outputs: [own], path: freeName(`${node.path}_${i + 1}`, paths) };
    });
    return [node, ...copies];
  });
  return {
    ...graph,
    nodes: nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map((name) => renamed.get(node)?.get(name) ?? name),
    })),
  };
}

/** Names of all that nodes can read. */
function namesOf({ inputs, nodes, constants }: Graph): Set<string> {
  const computed = nodes.flatMap(({ outputs }) => outputs);
  return new Set([...inputs.map(({ name }) => name), ...constants.keys(), ...computed]);
}
