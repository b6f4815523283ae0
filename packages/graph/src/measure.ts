/** What a network costs. */
import { elementsOf, type Graph, type GraphNode } from "./graph.ts";
import { inferShapes } from "./infer-shapes.ts";
import { operators } from "./operators/index.ts";
import { NodeReader } from "./operators/operator.ts";

/** What one node costs, for one sample. */
export interface NodeCost {
  readonly node: GraphNode;
  /** Multiply-accumulates, padded taps counted. */
  readonly macs: number;
  /** Elements of the constants that it is the first to read. */
  readonly parameters: number;
  /** Elements of what it computes. */
  readonly activations: number;
}

/** What each node costs, in the order of the graph; the sums are the network's. */
export function measure(graph: Graph): NodeCost[] {
  const shapes = inferShapes(graph);
  const counted = new Set<string>();
  return graph.nodes.map((node) => {
    const constants = node.inputs.filter((name) => graph.constants.has(name) && !counted.has(name));
    for (const name of constants) counted.add(name);
    const elements = (names: readonly string[]) =>
      names.reduce((sum, name) => sum + elementsOf(shapes.get(name) ?? []), 0);
    return {
      node,
      macs: operators.get(node.operator)?.macs?.(new NodeReader(node, shapes)) ?? 0,
      parameters: elements([...new Set(constants)]),
      activations: elements(node.outputs),
    };
  });
}

/**
 * The most elements that must be held at a time to run one sample, node by node: what a node reads and computes, and
 * what a later one still reads. Constants do not count.
 */
export function peakActivations(graph: Graph): number {
  const shapes = inferShapes(graph);
  const lastRead = new Map<string, number>();
  graph.nodes.forEach(({ inputs, outputs }, place) => {
    for (const name of [...inputs, ...outputs]) if (!graph.constants.has(name)) lastRead.set(name, place);
  });
  for (const name of graph.outputs) lastRead.set(name, graph.nodes.length);
  let held = new Set(graph.inputs.map(({ name }) => name));
  let peak = 0;
  graph.nodes.forEach(({ outputs }, place) => {
    for (const name of outputs) held.add(name);
    const elements = [...held].reduce((sum, name) => sum + elementsOf(shapes.get(name) ?? []), 0);
    peak = Math.max(peak, elements);
    held = new Set([...held].filter((name) => (lastRead.get(name) ?? -1) > place));
  });
  return peak;
}
