/**
 * The proof that ReLU is the only activation of a network, and the weaker one that it has no smooth activation. What
 * counts as an activation, and as which, says activations.ts.
 *
 * @module
 */
import { activationsOf, describeActivation } from "./activations.ts";
import type { Graph, GraphNode, Obstacle } from "./graph.ts";

/**
 * Why ReLU is not the only activation; null where it is.
 *
 * @returns a sentence that names the first other one, and its module; or the first operator that is none of the
 * vocabulary, of which nothing can be said
 */
export function whyNotReluOnly(graph: Graph): string | null {
  const other = activationsOf(graph).find(({ kind }) => kind !== "relu");
  return (
    whyUnknown(graph) ??
    (other === undefined
      ? null
      : `${describeActivation(graph, other.node)}: a deployed network has no activation but Relu`)
  );
}

/**
 * Why a network has a smooth activation; null where it has none. ReLU, clips, slopes, gates and normalizations pass: of
 * these `activationsOf` gives the list.
 *
 * @returns a sentence as that of `whyNotReluOnly`
 */
export function whySmooth(graph: Graph): string | null {
  const smooth = activationsOf(graph).find(({ kind }) => kind === "smooth");
  return whyUnknown(graph) ?? (smooth === undefined ? null : smoothReason(graph, smooth.node));
}

/**
 * All smooth activations of a network, and operators that are none of the vocabulary.
 *
 * @returns a sentence for each as those of `whySmooth`
 */
export function smoothObstacles(graph: Graph): Obstacle[] {
  const unknown = graph.nodes.flatMap((node) =>
    node.opaque === undefined ? [] : [{ node, reason: node.opaque.reason }],
  );
  const smooth = activationsOf(graph).filter(
    ({ kind, node }) => kind === "smooth" && node.opaque === undefined,
  );
  return [...unknown, ...smooth.map(({ node }) => ({ node, reason: smoothReason(graph, node) }))];
}

const smoothReason = (graph: Graph, node: GraphNode): string =>
  `${describeActivation(graph, node)}: a deployed network has no smooth activation`;

function whyUnknown({ nodes }: Graph): string | null {
  return nodes.find(({ opaque }) => opaque !== undefined)?.opaque?.reason ?? null;
}
