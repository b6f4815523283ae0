/**
 * Whether a network could be exported, told before it is trained for hours.
 *
 * @module
 */
import { type Graph, whySmooth } from "@pea/graph";
import { onnxTarget } from "./onnx/onnx-target.ts";
import type { FloatTarget } from "./target.ts";

/**
 * Why a network could not be written as ONNX, or in another form of floats: the first operator that has no form there,
 * or is a smooth activation, and the module it stands in.
 *
 * @returns one sentence, or null where `pea export` would write it
 */
export function exportObstacleOf(
  graph: Graph,
  target: Pick<FloatTarget, "obstacle"> = onnxTarget,
): string | null {
  return whySmooth(graph) ?? target.obstacle(graph);
}
