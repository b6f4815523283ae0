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
  whySmooth,
} from "@pea/graph";
import { clone, keep, type Module, narrow, scope, type Tensor } from "@pea/torch";
import { calibrate } from "../quantize/calibrate.ts";
import type { CalibrationMethod } from "../quantize/calibration-methods.ts";
import { type Equalized, equalizeWhereItPays } from "../quantize/equalize-where-it-pays.ts";
import { areSameSteps, type TrainedIntegers } from "../quantize/trained-integers.ts";
import { traceNetwork } from "../trace/trace.ts";
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
  /** How it was rounded while it trained: with the same steps nothing is calibrated. */
  readonly trained?: TrainedIntegers;
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
    trained,
    calibration: method = "minmax",
    onProgress,
    activations,
    perTensor,
  }: QuantizeOptions,
): Promise<QuantizedNetwork> {
  const scheme = target.scheme({ activations, perTensor });
  const { graph: prepared, answer } = prepare(traceNetwork(model, inputShape).graph);
  const obstacle = whySmooth(prepared) ?? target.obstacle(prepared, scheme);
  if (obstacle !== null) throw new PeaError(obstacle);
  const { plan, ranges, calibration } =
    trained !== undefined && areSameSteps(trained.scheme, scheme)
      ? withTrainedRanges(prepared, trained)
      : await calibrated(prepared, { images, scheme, method, trained, onProgress });
  const quantized = quantize(plan, ranges, scheme);
  return {
    graph: batch === undefined ? quantized : { ...quantized, inputs: fixBatch(quantized, batch).inputs },
    plan,
    scheme,
    ...(answer !== undefined && { answer }),
    calibration,
  };
}

/** A network that is ready to be quantized. */
interface Ranged {
  readonly plan: IntegerPlan;
  readonly ranges: Ranges;
  readonly calibration: Calibration;
}

/**
 * Its channels are as they were in training: the ranges are theirs.
 *
 * @throws PeaError naming a value whose range is missing
 */
function withTrainedRanges(graph: Graph, { ranges }: TrainedIntegers): Ranged {
  const plan = planIntegers(graph);
  const missing = rangedValues(plan).find((name) => !ranges.has(name));
  if (missing !== undefined)
    throw new PeaError(
      `the run has no range of ${missing}: it was trained by a version that called values otherwise. Take ranges from training ` +
        "images: --calibration minmax",
    );
  return { plan, ranges, calibration: { images: 0, method: "trained" } };
}

async function calibrated(
  prepared: Graph,
  {
    images,
    scheme,
    method,
    trained,
    onProgress,
  }: Pick<QuantizeOptions, "images" | "trained" | "onProgress"> & {
    scheme: Scheme;
    method: CalibrationMethod;
  },
): Promise<Ranged> {
  const { graph, isEqualized } = await equalized(prepared, images, scheme);
  const plan = planIntegers(graph);
  const { ranges, images: count } = await calibrate(plan, images(), { method, scheme, onProgress });
  const calibration = {
    images: count,
    method,
    ...(isEqualized && { isEqualized }),
    ...(trained && { trainedFor: trained.scheme }),
  };
  return { plan, ranges, calibration };
}

/** Images that tell whether channels should be equalized: a small part of what calibration looks at. */
const fewImages = 8;

async function equalized(
  prepared: Graph,
  images: QuantizeOptions["images"],
  scheme: Scheme,
): Promise<Equalized> {
  for await (const batch of images()) {
    using few = scope(() => keep(clone(narrow(batch, 0, 0, Math.min(fewImages, batch.shape[0] as number)))));
    return await equalizeWhereItPays(prepared, few, scheme);
  }
  return { graph: prepared, isEqualized: false };
}
