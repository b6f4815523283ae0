/** Zeros around an image, as part of the convolution or pooling that reads them. */
import { type Graph, type GraphNode, producersOf } from "../graph.ts";
import { removeDeadNodes } from "./remove-dead-nodes.ts";

/** Without the `Pad` nodes that convolutions, and poolings of which it changes nothing, can take as their own. */
export function mergePads<G extends Graph>(graph: G): G {
  const producers = producersOf(graph);
  const nodes = graph.nodes.map((node) => {
    const pad = producers.get(node.inputs[0] ?? "");
    if (pad?.operator !== "Pad" || !canTake(node, pad, producers)) return node;
    const outer = pad.attributes.pads as readonly number[];
    const own = (node.attributes.pads ?? []) as readonly number[];
    const rank = outer.length / 2;
    const image = outer.filter((_, i) => i % rank >= 2);
    if (own.length !== image.length) return node;
    const attributes = { ...node.attributes, pads: own.map((size, i) => size + (image[i] as number)) };
    return {
      ...node,
      inputs: [pad.inputs[0] as string, ...node.inputs.slice(1)],
      attributes: node.operator === "AveragePool" ? { ...attributes, count_include_pad: 1 } : attributes,
    };
  });
  return { ...graph, ...removeDeadNodes({ ...graph, nodes }) };
}

function canTake(node: GraphNode, pad: GraphNode, producers: ReadonlyMap<string, GraphNode>): boolean {
  const pads = pad.attributes.pads as readonly number[];
  const rank = pads.length / 2;
  const isOfZeros = (pad.attributes.mode ?? "constant") === "constant" && (pad.attributes.value ?? 0) === 0;
  const isOfImage = pads.every((size, i) => size >= 0 && (i % rank >= 2 || size === 0));
  if (!isOfZeros || !isOfImage) return false;
  const own = (node.attributes.pads ?? []) as readonly number[];
  const kernel = (node.attributes.kernel_shape ?? []) as readonly number[];
  const axes = rank - 2;
  const isLess = pads
    .filter((_, i) => i % rank >= 2)
    .every((size, i) => size + (own[i] ?? 0) < (kernel[i % axes] ?? 0));
  const ceil = node.attributes.ceil_mode === 1;
  switch (node.operator) {
    case "Conv":
      return true;
    case "MaxPool":
      // Beside elements of 0 and more a zero is never the largest alone.
      return isLess && !ceil && producers.get(pad.inputs[0] ?? "")?.operator === "Relu";
    case "AveragePool":
      return isLess && !ceil && own.every((size) => size === 0);
    default:
      return false;
  }
}
