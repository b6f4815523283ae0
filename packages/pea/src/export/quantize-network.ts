/**
 * From a network with ReLU at every site to the network of integers that a target wants.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import {
  equalize,
  fixBatch,
  type IntegerPlan,
  planIntegers,
  prepare,
  type QuantizedGraph,
  quantize,
  type Scheme,
} from "@pea/graph";
import type { Module, Tensor } from "@pea/torch";
import { type CalibrationMethod, calibrate } from "../quantize/calibrate.ts";
import { traceNetwork } from "../trace/trace.ts";
import { exportObstacleOf } from "./export-obstacle.ts";
import type { IntegerForm } from "./integer-summary.ts";
import type { IntegerTarget } from "./target.ts";

/** A network of integers, and how it came to be. */
export interface QuantizedNetwork {
  readonly graph: QuantizedGraph;
  readonly plan: IntegerPlan;
  readonly scheme: Scheme;
  /** The `Softmax` or `Sigmoid` that was taken off the end. */
  readonly answer?: string;
  readonly calibration: { readonly images: number; readonly method: CalibrationMethod };
}

export interface QuantizeOptions extends IntegerForm {
  readonly inputShape: readonly number[];
  /** Images that a file takes at a time; by default their number is open. */
  readonly batch?: number;
  /** Of training images, standardized. */
  readonly images: AsyncIterable<Tensor> | Iterable<Tensor>;
  readonly onProgress?: (images: number) => void;
}

/**
 * Traces, prepares, calibrates and quantizes a network.
 *
 * @throws PeaError naming operator and module where one is smooth, has no integer form or none in the target; as `calibrate`
 *   and `quantize` do
 */
export async function quantizeNetwork(
  model: Module,
  target: IntegerTarget,
  {
    inputShape,
    batch,
    images,
    calibration: method = "minmax",
    onProgress,
    activations,
    perTensor,
  }: QuantizeOptions,
): Promise<QuantizedNetwork> {
  const scheme = target.scheme({ activations, perTensor });
  const { graph: prepared, answer } = prepare(traceNetwork(model, inputShape).graph);
  // A scale of its own for each channel needs no channels of like size.
  const graph = scheme.weights === "per tensor" ? equalize(prepared) : prepared;
  const obstacle = exportObstacleOf(graph, target);
  if (obstacle !== null) throw new PeaError(obstacle);
  const plan = planIntegers(graph);
  const { ranges, images: count } = await calibrate(plan, images, { method, onProgress });
  const quantized = quantize(plan, ranges, scheme);
  return {
    graph: batch === undefined ? quantized : { ...quantized, inputs: fixBatch(quantized, batch).inputs },
    plan,
    scheme,
    ...(answer !== undefined && { answer }),
    calibration: { images: count, method },
  };
}
