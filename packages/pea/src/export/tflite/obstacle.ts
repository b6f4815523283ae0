import { PeaError } from "@pea/core";
import { type Graph, planIntegers, quantize, type Ranges, type Scheme, usualScheme } from "@pea/graph";
import { lowerToTflite } from "./write-tflite.ts";

/**
 * Why a network has no form in TensorFlow Lite, told before ranges are taken: it is quantized with ranges that are none of
 * its own, and written.
 *
 * @param graph of floats, as `prepare` makes it
 * @param scheme of the target
 */
export function tfliteObstacle(graph: Graph, scheme: Scheme = usualScheme({})): string | null {
  const plan = planIntegers(graph);
  const names = plan.groups.flatMap(({ sources }) => sources);
  const ranges: Ranges = new Map(names.map((name) => [name, { min: -1, max: 1 }]));
  try {
    lowerToTflite(quantize(plan, ranges, scheme));
    return null;
  } catch (error) {
    if (!(error instanceof PeaError)) throw error;
    return error.message;
  }
}
