/**
 * A network brought to the form that is quantized: what integers cannot say, or say worse, in other words.
 *
 * @module
 */
import { answersOf } from "../../activations.ts";
import type { Graph } from "../../graph.ts";
import { removeDeadNodes } from "../../passes/remove-dead-nodes.ts";
import { constantsToNorms } from "./constants-to-norms.ts";
import { foldNorms } from "./fold-norms.ts";
import { moveActivations } from "./move-activations.ts";
import { normalizeLayers } from "./normalize-layers.ts";
import { removeNode } from "./remove-node.ts";
import { splitNorms } from "./split-norms.ts";
import { settleStillChannels } from "./still-channels.ts";

/** A network as it will be quantized, still of floats. */
export interface PreparedGraph {
  readonly graph: Graph;
  /** The `Softmax` or `Sigmoid` that was the form of the answer and was taken off: the output is the logits. */
  readonly answer?: string;
}

/**
 * Computes the same, but for rounding, without what stands in the way of integers:
 *
 * - no `Identity`, and no `Softmax` or `Sigmoid` as the form of the answer, which does not change which class is named;
 * - no batch normalization, nor other factors and shifts of channels: they are in the weights before them, in a depthwise
 *   1×1 convolution where there are none, after a concatenation in both kinds; a channel that it never saw change is its shift;
 * - activations next to the layer that computes what they bend, whatever moves numbers in between;
 * - linear layers as `Gemm` with weights [outputs, inputs] and no factors, means of whole channels as `GlobalAveragePool`,
 *   each layer with a bias.
 */
export function prepare(graph: Graph): PreparedGraph {
  const answers = answersOf(graph);
  let now = graph;
  for (const node of [...answers, ...graph.nodes.filter(({ operator }) => operator === "Identity")])
    now = removeNode(now, node);
  now = [
    normalizeLayers,
    settleStillChannels,
    constantsToNorms,
    splitNorms,
    foldNorms,
    moveActivations,
  ].reduce((before, pass) => pass(before), now);
  const [answer] = answers;
  return { graph: removeDeadNodes(now), ...(answer && { answer: answer.operator }) };
}
