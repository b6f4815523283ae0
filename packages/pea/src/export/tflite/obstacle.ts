/**
 * Whether a network has a form in TensorFlow Lite, told before ranges are taken: it is quantized with ranges that are none of
 * its own, and written.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { type Graph, type Obstacle, planIntegers, quantize, type Scheme } from "@pea/graph";
import { assumedRanges } from "../../quantize/assumed-ranges.ts";
import { tfliteObstacles, type WhyNotTaken } from "./write-tflite.ts";

/**
 * Why a network has no such form.
 *
 * @param graph of floats, as `prepare` makes it
 * @param whyNotTaken what a runtime has against operators that it could be written with
 * @returns a sentence that names operator and module; null where it has one
 */
export function tfliteObstacle(graph: Graph, scheme: Scheme, whyNotTaken?: WhyNotTaken): string | null {
  try {
    return tfliteObstaclesOf(graph, scheme, whyNotTaken)[0]?.reason ?? null;
  } catch (error) {
    if (!(error instanceof PeaError)) throw error;
    return error.message;
  }
}

/** All nodes that have none, of a graph that has an integer form. */
export function tfliteObstaclesOf(graph: Graph, scheme: Scheme, whyNotTaken?: WhyNotTaken): Obstacle[] {
  const plan = planIntegers(graph);
  return tfliteObstacles(quantize(plan, assumedRanges(plan), scheme), whyNotTaken);
}
