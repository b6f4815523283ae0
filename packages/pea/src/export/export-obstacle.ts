/**
 * Whether a network could be exported, told before it is trained for hours.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { type Graph, whyNotReluOnly } from "@pea/graph";
import type { Module } from "@pea/torch";
import { traceNetwork } from "../trace/trace.ts";
import { onnxTarget } from "./onnx/onnx-target.ts";
import type { Target } from "./target.ts";

/**
 * Why the network could not be written as ONNX: the first operator that has no form there, or is another activation than
 * ReLU, and the module it stands in.
 *
 * @param model a plain ReLU network; its mode stays
 * @param inputShape channels, height and width of one image
 * @returns one sentence, or null where `pea export` would write it
 */
export function exportObstacle(model: Module, inputShape: readonly number[]): string | null {
  try {
    return exportObstacleOf(traceNetwork(model, inputShape).graph);
  } catch (error) {
    if (error instanceof PeaError) return error.message;
    throw error;
  }
}

/** The same of a network's graph, for ONNX or another target. */
export function exportObstacleOf(graph: Graph, target: Pick<Target, "obstacle"> = onnxTarget): string | null {
  return whyNotReluOnly(graph) ?? target.obstacle(graph);
}
