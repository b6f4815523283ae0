/** Zeros around images, in words that every compiler reads. */
import { type Graph, mergePads } from "@pea/graph";

/**
 * With pads as part of the layer behind, where it can take them, since some compilers stumble over those in front of a
 * convolution; of the others the mode is told, the usual one too, without which pnnx does not know them.
 */
export function plainPads<G extends Graph>(graph: G): G {
  const merged = mergePads(graph);
  const nodes = merged.nodes.map((node) =>
    node.operator === "Pad" ? { ...node, attributes: { mode: "constant", ...node.attributes } } : node,
  );
  return { ...merged, nodes };
}
