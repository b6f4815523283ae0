import { PeaError } from "@pea/core";
import type { Graph, GraphInput } from "../graph.ts";

/**
 * A network of images [batch, C, H, W] that takes them as [batch, H, W, C]: its first operator turns them. What it gives keeps its
 * order.
 *
 * @throws PeaError of kind usage for a network of something else
 */
export function channelsLastInput(graph: Graph): Graph {
  const [input, ...others] = graph.inputs;
  if (input === undefined || others.length > 0 || input.shape.length !== 4)
    throw new PeaError(
      `layout nhwc is of networks that take images, not ${graph.inputs.map(({ shape }) => `[${shape.join(", ")}]`).join(", ")}; leave layout (--layout) out`,
      { kind: "usage" },
    );
  const [batch, channels, height, width] = input.shape as [number | string, number, number, number];
  const turned = `${input.name}/nchw`;
  const read = (name: string) => (name === input.name ? turned : name);
  const nodes = graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(read) }));
  const turn = {
    operator: "Transpose",
    inputs: [input.name],
    outputs: [turned],
    attributes: { perm: [0, 3, 1, 2] },
    path: "",
  };
  const inputs = [{ ...input, shape: [batch, height, width, channels] } as GraphInput];
  return { ...graph, inputs, nodes: [turn, ...nodes] };
}
