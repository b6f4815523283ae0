/**
 * Ranges of a network's values, found by looking at images.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import {
  fusedBounds,
  type IntegerPlan,
  type Ranges,
  rangedValues,
  type Scheme,
  usualScheme,
} from "@pea/graph";
import { noGrad, scope, type Tensor } from "@pea/torch";
import { GraphNetwork } from "../import/network/graph-network.ts";
import { type CalibrationMethod, calibrationMethods } from "./calibration-methods.ts";
import { leastErrorRange, percentileRange } from "./ranges/choose-range.ts";
import { Extremes } from "./ranges/extremes.ts";
import { HistogramObserver } from "./ranges/histogram.ts";
import type { RangeObserver } from "./ranges/range-observer.ts";

const observers: Readonly<Record<CalibrationMethod, (scheme: Scheme) => RangeObserver>> = {
  minmax: () => new Extremes(),
  percentile: () => new HistogramObserver(percentileRange),
  mse: (scheme) => new HistogramObserver((histogram) => leastErrorRange(histogram, scheme)),
};

export interface CalibrateOptions {
  /** `minmax` by default. */
  readonly method?: CalibrationMethod;
  /** That the ranges are for; the usual one of int8 by default. */
  readonly scheme?: Scheme;
  /** Called after each batch with the images done so far. */
  readonly onProgress?: (images: number) => void;
}

/**
 * Runs the network of a plan in libtorch and watches the values that it quantizes. One image is enough to have ranges; how
 * good they are, the accuracy tells.
 *
 * @param batches of training images [B, C, H, W], standardized, float32, on the CPU; each may be freed as the next is asked for
 * @returns the ranges, and the number of images that they are of
 * @throws PeaError where there is no image, and for a method that there is not
 */
export async function calibrate(
  plan: IntegerPlan,
  batches: AsyncIterable<Tensor> | Iterable<Tensor>,
  { method = "minmax", scheme = usualScheme({}), onProgress }: CalibrateOptions = {},
): Promise<{ ranges: Ranges; images: number }> {
  const create = observers[method];
  if (create === undefined)
    throw new PeaError(`calibration is "${method}", but must be one of ${calibrationMethods.join(", ")}`, {
      kind: "usage",
    });
  // Activations that are part of a layer are left out, and computed by who watches what they give, in the same pass.
  const network = new GraphNetwork({ ...plan.graph, nodes: plan.nodes });
  network.to({ memoryFormat: "channels_last" });
  network.eval();
  const watched = new Map(rangedValues(plan).map((name) => [name, create(scheme)]));
  const bounds = new Map(
    plan.nodes.flatMap(({ fused, outputs }) =>
      fused === undefined ? [] : outputs.map((name) => [name, fusedBounds[fused]] as const),
    ),
  );
  let images = 0;
  try {
    for await (const batch of batches) {
      const watch = (name: string, values: Tensor) => watched.get(name)?.add(values, bounds.get(name));
      scope(() => noGrad(() => void network.observed(batch, watch)));
      images += batch.shape[0] as number;
      onProgress?.(images);
      // Lets a signal end the process.
      await new Promise(setImmediate);
    }
    if (images === 0) throw new PeaError("there is no training image that can be read, to take ranges from");
    return { ranges: new Map([...watched].map(([name, observer]) => [name, observer.read()])), images };
  } finally {
    network.dispose();
  }
}
