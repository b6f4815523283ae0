/**
 * A network brought to the form that is quantized: what integers cannot say, or say worse, in other words.
 *
 * @module
 */
import { answersOf } from "../../activations.ts";
import type { Graph, GraphNode } from "../../graph.ts";
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
  /** The values of the network that it computes too, but for rounding, by their names there: what they are called here. */
  readonly values: ReadonlyMap<string, string>;
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
  const values = new Map(valuesBefore(answers, graph).map((name) => [name, name]));
  let now = graph;
  for (const node of [...answers, ...graph.nodes.filter(({ operator }) => operator === "Identity")]) {
    const { graph: without, renamed } = removeNode(now, node);
    now = without;
    for (const [name, known] of values) if (known === renamed?.from) values.set(name, renamed.to);
  }
  // What a pass leaves under its name stays what it was.
  now = [
    normalizeLayers,
    settleStillChannels,
    constantsToNorms,
    splitNorms,
    foldNorms,
    moveActivations,
    removeDeadNodes,
  ].reduce((before, pass) => pass(before), now);
  const computed = new Set(valuesBefore([], now));
  const [answer] = answers;
  return {
    graph: now,
    ...(answer && { answer: answer.operator }),
    values: new Map([...values].filter(([, name]) => computed.has(name))),
  };
}

/** Inputs, and all that is computed without the answers. */
function valuesBefore(answers: readonly GraphNode[], { inputs, nodes }: Graph): string[] {
  const known = new Set(inputs.map(({ name }) => name));
  const after = new Set<string>();
  for (const node of nodes) {
    const isAfter = answers.includes(node) || node.inputs.some((name) => after.has(name));
    for (const name of node.outputs) (isAfter ? after : known).add(name);
  }
  return [...known];
}
