import { type Graph, type GraphNode, producersOf, readersOf } from "../../graph.ts";
import { activationOf, fuses } from "../integer-operators.ts";

/** What a clip of each number can be exchanged with: operators that move numbers or choose the largest. */
const movers: ReadonlySet<string> = new Set([
  ...["Concat", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze"],
  ...["DepthToSpace", "SpaceToDepth", "MaxPool", "GlobalMaxPool", "ReduceMax"],
]);

/**
 * `Relu` and ReLU6 behind concatenations, maxima and other movers at the layers that compute what these move, where all of
 * it comes from layers that compute it for them alone, so that each can take its activation in.
 */
export function moveActivations(graph: Graph): Graph {
  let now = graph;
  for (;;) {
    const next = now.nodes.reduce<Graph | null>((done, node) => done ?? moved(now, node), null);
    if (next === null) return now;
    now = next;
  }
}

/** The graph with one activation moved; null where it is none, or stays. A value that is bent now has another name. */
function moved(graph: Graph, activation: GraphNode): Graph | null {
  const kind = activationOf(activation);
  const producers = producersOf(graph);
  const readers = readersOf(graph);
  const sources = new Set<string>();
  const between = new Set<string>();
  const [input = ""] = activation.inputs;
  const [result = ""] = activation.outputs;
  const before = producers.get(input);
  if (kind === undefined || before === undefined || !movers.has(before.operator) || !reach(input))
    return null;
  const bent = (name: string): string =>
    name === input ? result : sources.has(name) || between.has(name) ? `${name}/${kind}` : name;
  const nodes = graph.nodes.flatMap((node) => {
    const [output = ""] = node.outputs;
    if (node === activation) return [];
    if (sources.has(output)) return [node, { ...activation, inputs: [output], outputs: [bent(output)] }];
    if (!between.has(output)) return [node];
    return [{ ...node, inputs: node.inputs.map(bent), outputs: [bent(output)] }];
  });
  return { ...graph, nodes };

  /** Whether all that a value is moved from is a layer's or bent in the same way already; notes what will be bent. */
  function reach(value: string): boolean {
    const node = producers.get(value);
    if (node === undefined) return false;
    if (activationOf(node) === kind) return true;
    if (readers.get(value)?.length !== 1 || graph.outputs.includes(value)) return false;
    if (movers.has(node.operator)) {
      between.add(value);
      return node.inputs.every(reach);
    }
    if (fuses(node)) sources.add(value);
    return fuses(node);
  }
}
