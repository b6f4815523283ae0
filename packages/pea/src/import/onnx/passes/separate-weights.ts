/**
 * Tensors that an exporter merged because their values were equal, set apart again: weights of one layer are no other's,
 * even where they began alike. What one module computes several times of the same weights stays one.
 *
 * @module
 */
import type { Constant, Graph, GraphNode } from "@pea/graph";
import { freeName } from "./free-name.ts";

/** A place where a constant is read. */
interface Reading {
  readonly node: GraphNode;
  readonly place: number;
}

/** What is known of the file that a graph comes from. */
interface Origin {
  /** Whether tensors that are merely equal have names of their own in it, so that layers which read one share it. */
  readonly namesEqualTensors?: boolean;
}

/** With a constant for each place that reads one of more than one element, but for those that a module shares. */
export function separateWeights(graph: Graph, origin: Origin = {}): Graph {
  const constants = new Map(graph.constants);
  const names = new Set([
    ...constants.keys(),
    ...graph.nodes.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]),
  ]);
  const renamed = new Map<GraphNode, readonly string[]>();
  for (const [name, readings] of readingsOf(graph)) {
    const constant = graph.constants.get(name) as Constant;
    if (constant.data.length === 1) continue;
    const seen: { reading: Reading; own: string }[] = [];
    for (const reading of readings) {
      const sharer = seen.find((other) => isOneModule(graph, origin, reading, other.reading));
      const own = sharer?.own ?? (seen.length === 0 ? name : freeName(`${name}/${seen.length}`, names));
      if (sharer === undefined) seen.push({ reading, own });
      // Data is copied where a pass changes it, and only there.
      constants.set(own, constant);
      const { node, place } = reading;
      renamed.set(node, (renamed.get(node) ?? node.inputs).with(place, own));
    }
  }
  const nodes = graph.nodes.map((node) => ({ ...node, inputs: renamed.get(node) ?? node.inputs }));
  return { ...graph, nodes, constants };
}

function readingsOf({ nodes, constants }: Graph): Map<string, Reading[]> {
  const readings = new Map<string, Reading[]>();
  for (const node of nodes)
    node.inputs.forEach((name, place) => {
      if (constants.has(name)) readings.set(name, [...(readings.get(name) ?? []), { node, place }]);
    });
  return readings;
}

/** PyTorch's later exporter merges tensors by value up to this many elements; a larger one is shared because the network shares it. */
export const mostMerged = 1024;

/** How many tensors are larger than those that are merged by value. */
export function countLarge({ constants }: Graph): number {
  return [...constants.values()].filter(({ data }) => data.length > mostMerged).length;
}

/** Whether two readings are the same module's, called twice, on the same weights, or those of equal layers that share a large one. */
function isOneModule({ constants }: Graph, { namesEqualTensors }: Origin, a: Reading, b: Reading): boolean {
  if (a.place !== b.place || a.node === b.node || a.node.operator !== b.node.operator) return false;
  const dataOf = (name: string) => (constants.get(name) as Constant).data;
  const weights = ({ inputs }: GraphNode) => inputs.filter((name) => constants.has(name));
  const own = weights(a.node);
  if (own.join() !== weights(b.node).join() || !hasSameAttributes(a.node, b.node)) return false;
  if (dataOf(a.node.inputs[a.place] as string).length > mostMerged) return true;
  if (namesEqualTensors && !own.some((name) => isUniform(dataOf(name)))) return true;
  // A layer whose own weights were merged tells nothing.
  return a.node.path === b.node.path && new Set(own).size === own.length;
}

/** Layers of other strides or dilations are other modules, which a tool can have given one tensor. */
const hasSameAttributes = (a: GraphNode, b: GraphNode): boolean =>
  JSON.stringify(a.attributes) === JSON.stringify(b.attributes);

/** Whether several elements are equal, as of norms before they are trained: tools merge such tensors whatever they are. */
const isUniform = (data: Constant["data"]): boolean =>
  data.length > 1 && data.every((value) => value === data[0]);
