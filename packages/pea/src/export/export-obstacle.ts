/**
 * Whether a network could be exported, told before it is trained for hours.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { Module } from "@pea/torch";
import { toOnnxNode } from "./operators.ts";
import { traceNetwork } from "./trace.ts";

/**
 * Why the network could not be written as ONNX: the first operator that has no form there, and the module it stands in.
 *
 * @param model a plain ReLU network; its mode stays
 * @param inputShape channels, height and width of one image
 * @returns one sentence, or null where `pea export` would write it
 */
export function exportObstacle(model: Module, inputShape: readonly number[]): string | null {
  try {
    for (const operation of traceNetwork(model, inputShape).operations) toOnnxNode(operation);
    return null;
  } catch (error) {
    if (error instanceof PeaError) return error.message;
    throw error;
  }
}
