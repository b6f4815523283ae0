/**
 * Whether a network has a form in TensorFlow Lite, told before ranges are taken: it is quantized with ranges that are none of
 * its own, and written.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { type Graph, type Obstacle, planIntegers, quantize, usualScheme } from "@pea/graph";
import { assumedRanges } from "../../quantize/assumed-ranges.ts";
import { tfliteObstacles } from "./write-tflite.ts";

/**
 * Why a network has no such form.
 *
 * @param graph of floats, as `prepare` makes it
 * @returns a sentence that names operator and module; null where it has one
 */
export function tfliteObstacle(graph: Graph): string | null {
  const quantized = quantizedByAssumption(graph);
  try {
    return tfliteObstacles(quantized)[0]?.reason ?? null;
  } catch (error) {
    if (!(error instanceof PeaError)) throw error;
    return error.message;
  }
}

/** All nodes that have none, of a graph that has an integer form. */
export function tfliteObstaclesOf(graph: Graph): Obstacle[] {
  return tfliteObstacles(quantizedByAssumption(graph));
}

function quantizedByAssumption(graph: Graph) {
  const plan = planIntegers(graph);
  return quantize(plan, assumedRanges(plan), usualScheme({}));
}
