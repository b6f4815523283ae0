/**
 * Channels that batch normalization never saw change, such as those that read a dead one.
 *
 * All that is left of (x − mean) · γ / √(variance + ε) + β in such a channel is β. But its weights, once they are multiplied by
 * γ / √ε, may be hundreds of times as large as the rest, and in the steps of their products no β can be told any more.
 *
 * @module
 */
import { type Constant, floatsOf, type Graph, type GraphNode } from "../../graph.ts";

/** Share of ε: a variance below it moves the result by less than a ten-thousandth of γ. */
const stillness = 1e-8;

/** Whether a channel of this running variance never changed in training. */
export const isStill = (variance: number, epsilon: number): boolean => variance < stillness * epsilon;

/** Batch normalization gives β in each channel that never changed in training, whatever it reads: its γ is 0. */
export function settleStillChannels(graph: Graph): Graph {
  const constants = new Map<string, Constant>(graph.constants);
  const nodes = graph.nodes.map((node): GraphNode => {
    if (node.operator !== "BatchNormalization") return node;
    const [input = "", scale = "", shift = "", mean = "", variance = ""] = node.inputs;
    const epsilon = Number(node.attributes.epsilon ?? 1e-5);
    const still = [...floatsOf(graph, variance)].map((value) => isStill(value, epsilon));
    if (!still.includes(true)) return node;
    const settled = `${node.outputs[0]}/settled`;
    const data = floatsOf(graph, scale).map((value, c) => (still[c] ? 0 : value));
    constants.set(settled, { shape: [data.length], data });
    return { ...node, inputs: [input, settled, shift, mean, variance] };
  });
  return { ...graph, nodes, constants };
}
