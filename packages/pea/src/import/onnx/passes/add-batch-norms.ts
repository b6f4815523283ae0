/** Batch normalization for networks that have lost it. */
import type { Constant, Graph, GraphNode } from "@pea/graph";
import { readersOf } from "@pea/graph";

const epsilon = 1e-5;

/**
 * With a batch normalization that changes nothing yet behind each convolution of constant weights that has none: what it
 * computes is what it reads, until its mean and variance are those of data. It stands under the convolution's path and
 * `.bn`.
 */
export function addBatchNorms(graph: Graph): Graph {
  const readers = readersOf(graph);
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.flatMap((node): GraphNode[] => {
    const [, weight = ""] = node.inputs;
    const [output = ""] = node.outputs;
    const shape = graph.constants.get(weight)?.shape;
    const isFollowed = readers.get(output)?.some(({ operator }) => operator === "BatchNormalization");
    if (node.operator !== "Conv" || shape === undefined || isFollowed) return [node];
    const [channels = 0] = shape;
    const path = node.path === "" ? `${output}.bn` : `${node.path}.bn`;
    const define = (role: string, value: number): string => {
      const constant: Constant = { shape: [channels], data: new Float32Array(channels).fill(value) };
      constants.set(`${path}.${role}`, constant);
      return `${path}.${role}`;
    };
    const before = `${output}/before bn`;
    const inputs = [
      before,
      define("weight", 1),
      define("bias", 0),
      define("running_mean", 0),
      define("running_var", 1 - epsilon),
    ];
    return [
      { ...node, outputs: [before] },
      { operator: "BatchNormalization", inputs, outputs: [output], attributes: { epsilon }, path },
    ];
  });
  return { ...graph, nodes, constants };
}
