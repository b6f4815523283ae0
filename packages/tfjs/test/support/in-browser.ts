/** What the test in the browser runs there: on a backend, mixtures against their definition, and a training. */
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-webgpu";
import { mixture } from "../../src/elementwise/index.ts";
import { applyPea, finalize, PeaCallback } from "../../src/index.ts";
import { worstDifference } from "./definition.ts";
import { compiled, imageModel, images } from "./models.ts";

async function run(backend: string) {
  if (!(await tf.setBackend(backend))) return null;
  await tf.ready();
  const difference = await worstDifference((x, dy, options) => {
    const { value, grad } = tf.valueAndGrad((at: tf.Tensor) => tf.sum(tf.mul(mixture(at, options), dy)))(x);
    value.dispose();
    return [tf.tidy(() => mixture(x, options)), grad];
  }, 5000);
  const { xs, ys } = images();
  const model = compiled(imageModel());
  const plain = await (model.predict(xs) as tf.Tensor).data();
  const pea = applyPea(model, { ensemble: "stochastic", smooth: "mish", seed: 5 });
  pea.view = "deployed";
  const deployed = await (model.predict(xs) as tf.Tensor).data();
  pea.view = "current";
  const callbacks = new PeaCallback(pea, { end: "12st", initial: "2st" });
  const counts: number[] = [];
  await model.fit(xs, ys, {
    batchSize: 16,
    epochs: 6,
    shuffle: false,
    verbose: 0,
    callbacks: [
      callbacks,
      new tf.CustomCallback({ onEpochEnd: async () => void counts.push(tf.memory().numTensors) }),
    ] as never,
  });
  finalize(model);
  const weights = await Promise.all(model.getWeights().map((weight) => weight.data()));
  return {
    backend: tf.getBackend(),
    ...difference,
    deployedDiffers: deployed.some((value, i) => value !== plain[i]),
    counts,
    weights: weights.flatMap((values) => Array.from(values)),
  };
}

Object.assign(globalThis, { run });
