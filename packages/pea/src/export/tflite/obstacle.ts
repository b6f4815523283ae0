/**
 * Whether a network has a form in TensorFlow Lite, told before ranges are taken: it is quantized with ranges that are none of
 * its own, and written.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import {
  type Graph,
  type Obstacle,
  planIntegers,
  type QuantizedGraph,
  quantize,
  type Scheme,
} from "@pea/graph";
import { assumedRanges } from "../../quantize/assumed-ranges.ts";
import { tfliteObstacles, type WhyNotTaken } from "./write-tflite.ts";

/**
 * The nodes of a network that have no such form.
 *
 * @param graph of floats, as `prepare` makes it, that has an integer form
 * @param whyNotTaken what a runtime has against operators that it could be written with
 */
export function tfliteObstaclesOf(graph: Graph, scheme: Scheme, whyNotTaken?: WhyNotTaken): Obstacle[] {
  return tfliteObstacles(assumedIntegers(graph, scheme), whyNotTaken);
}

/** A network as integers that no image has been seen for. */
export function assumedIntegers(graph: Graph, scheme: Scheme): QuantizedGraph {
  const plan = planIntegers(graph);
  return quantize(plan, assumedRanges(plan), scheme);
}

/**
 * The first of a network's obstacles.
 *
 * @returns a sentence that names operator and module, or says what is wrong with the network as a whole; null where nothing is
 */
export function firstReason(obstacles: () => readonly Obstacle[]): string | null {
  try {
    return obstacles()[0]?.reason ?? null;
  } catch (error) {
    if (!(error instanceof PeaError)) throw error;
    return error.message;
  }
}
