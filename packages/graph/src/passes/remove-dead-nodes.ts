import type { Graph } from "../graph.ts";

/** Without the nodes and constants that no output depends on. */
export function removeDeadNodes(graph: Graph): Graph {
  const needed = new Set(graph.outputs);
  const nodes = graph.nodes
    .toReversed()
    .filter(({ inputs, outputs }) => {
      if (!outputs.some((name) => needed.has(name))) return false;
      for (const name of inputs) needed.add(name);
      return true;
    })
    .reverse();
  const constants = new Map([...graph.constants].filter(([name]) => needed.has(name)));
  return { ...graph, nodes, constants };
}
