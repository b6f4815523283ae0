/**
 * What a training step costs in TensorFlow.js, with ReLU and with PEA; runs in Node.js and in browsers.
 *
 * @module
 */
import { applyPea, type EnsembleSettings } from "@pea/tfjs";
import * as tf from "@tensorflow/tfjs";

/** Images [28, 28, 1] of ten classes, filters of three convolutions of stride 2 with batch norm: the network of the playground. */
export const NETWORK = { side: 28, classes: 10, filters: [8, 16, 32], batch: 4 } as const;

export type Variant = Pick<EnsembleSettings, "ensemble" | "smooth">;

export const variants: readonly Variant[] = (["weighted", "stochastic"] as const).flatMap((ensemble) =>
  (["gelu", "swish", "mish", "elu"] as const).map((smooth) => ({ ensemble, smooth })),
);

/** Milliseconds of a step in each round: of ReLU, and of each variant in the order of `variants`. */
export interface StepTimes {
  readonly backend: string;
  readonly relu: readonly number[];
  readonly pea: readonly (readonly number[])[];
}

/**
 * Measures networks in turns, so that all share what the machine does meanwhile. PEA is at α = 0.5, where both functions
 * run and the stochastic ensemble draws.
 *
 * @throws Error where the backend is not there
 */
export async function measureSteps(backend: string, rounds: number): Promise<StepTimes> {
  const isThere = await tf.setBackend(backend).catch(() => false);
  if (!isThere) throw new Error(`there is no backend ${backend} here`);
  const { side, classes, batch } = NETWORK;
  const images = tf.randomNormal([batch, side, side, 1], 0, 1, "float32", 1);
  const numbers = Array.from({ length: batch }, (_, i) => i % classes);
  const labels = tf.oneHot(tf.tensor1d(numbers, "int32"), classes);
  const steps = [null, ...variants].map((variant) => {
    const model = network();
    const pea = variant && applyPea(model, variant);
    if (pea) pea.alpha = 0.5;
    return async (step: number): Promise<number> => {
      if (pea) pea.step = step;
      const begin = performance.now();
      await model.trainOnBatch(images, labels);
      return performance.now() - begin;
    };
  });
  const times: number[][] = steps.map(() => []);
  // The first round compiles and does not count. Every other one goes backwards, so that none is always behind another.
  for (let round = 0; round <= rounds; round++) {
    const order = [...steps.entries()];
    if (round % 2 === 1) order.reverse();
    for (const [index, run] of order) {
      const time = await run(round);
      if (round > 0) times[index]?.push(time);
    }
  }
  const [relu = [], ...pea] = times;
  return { backend: tf.getBackend(), relu, pea };
}

function network(): tf.LayersModel {
  const { side, classes, filters } = NETWORK;
  const model = tf.sequential();
  for (const [index, count] of filters.entries()) {
    const inputShape = index === 0 ? [side, side, 1] : undefined;
    model.add(
      tf.layers.conv2d({
        filters: count,
        kernelSize: 3,
        strides: 2,
        padding: "same",
        useBias: false,
        inputShape,
      }),
    );
    model.add(tf.layers.batchNormalization());
    model.add(tf.layers.reLU());
  }
  model.add(tf.layers.globalAveragePooling2d({}));
  model.add(tf.layers.dense({ units: classes, activation: "softmax" }));
  model.compile({ optimizer: tf.train.momentum(0.01, 0.9), loss: "categoricalCrossentropy" });
  return model;
}
