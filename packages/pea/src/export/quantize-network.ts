/**
 * From a network with ReLU at every site to the network of integers that a target wants.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import {
  fixBatch,
  type Graph,
  type IntegerPlan,
  planIntegers,
  prepare,
  type QuantizedGraph,
  quantize,
  type Ranges,
  rangedValues,
  type Scheme,
} from "@pea/graph";
import { clone, keep, type Module, narrow, scope, type Tensor } from "@pea/torch";
import { calibrate } from "../quantize/calibrate.ts";
import { equalizeWhereItPays } from "../quantize/equalize-where-it-pays.ts";
import { traceNetwork } from "../trace/trace.ts";
import { exportObstacleOf } from "./export-obstacle.ts";
import type { Calibration, IntegerForm } from "./integer-summary.ts";
import type { IntegerTarget } from "./target.ts";

/** A network of integers, and how it came to be. */
export interface QuantizedNetwork {
  readonly graph: QuantizedGraph;
  readonly plan: IntegerPlan;
  readonly scheme: Scheme;
  /** The `Softmax` or `Sigmoid` that was taken off the end. */
  readonly answer?: string;
  readonly calibration: Calibration;
}

export interface QuantizeOptions extends IntegerForm {
  readonly inputShape: readonly number[];
  /** Images that a file takes at a time; by default their number is open. */
  readonly batch?: number;
  /** Gives batches of training images, standardized, from the first one on: they are looked at twice. */
  readonly images: () => AsyncIterable<Tensor> | Iterable<Tensor>;
  /** Ranges that it trained with: what they hold is not calibrated. */
  readonly trained?: Ranges;
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
    trained = new Map(),
    calibration: method = "minmax",
    onProgress,
    activations,
    perTensor,
  }: QuantizeOptions,
): Promise<QuantizedNetwork> {
  const scheme = target.scheme({ activations, perTensor });
  const { graph: prepared, answer } = prepare(traceNetwork(model, inputShape).graph);
  const obstacle = exportObstacleOf(prepared, target);
  if (obstacle !== null) throw new PeaError(obstacle);
  const isTrained = rangedValues(planIntegers(prepared)).every((name) => trained.has(name));
  // Ranges that were trained with are of the channels as they are.
  const graph = trained.size > 0 ? prepared : await equalized(prepared, images, scheme);
  const plan = planIntegers(graph);
  const calibrated = isTrained ? null : await calibrate(plan, images(), { method, scheme, onProgress });
  const quantized = quantize(plan, new Map([...(calibrated?.ranges ?? []), ...trained]), scheme);
  return {
    graph: batch === undefined ? quantized : { ...quantized, inputs: fixBatch(quantized, batch).inputs },
    plan,
    scheme,
    ...(answer !== undefined && { answer }),
    calibration:
      calibrated === null ? { images: 0, method: "trained" } : { images: calibrated.images, method },
  };
}

/** Images that tell whether channels should be equalized: a small part of what calibration looks at. */
const fewImages = 16;

async function equalized(prepared: Graph, images: QuantizeOptions["images"], scheme: Scheme): Promise<Graph> {
  for await (const batch of images()) {
    using few = scope(() => keep(clone(narrow(batch, 0, 0, Math.min(fewImages, batch.shape[0] as number)))));
    return await equalizeWhereItPays(prepared, few, scheme);
  }
  return prepared;
}
