/**
 * Where a user would meet what TensorFlow.js does otherwise than expected: each test shows the surprise and that PEA
 * stands it.
 */
import "./support/quiet.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { applyPea, finalize, PeaCallback, resumePea } from "../src/index.ts";
import { compiled, imageModel, images, outputsOf, savedAndLoaded, weightsOf } from "./support/models.ts";

const settings = { ensemble: "stochastic", smooth: "mish", seed: 5 } as const;
const fitting = { batchSize: 16, verbose: 0, shuffle: false } as const;
const course = { end: "12st", initial: "2st" };

test("layers that would fuse ReLU call the ensemble, with the activation's gradient", () => {
  const x = tf.randomNormal([4, 6, 6, 4], 0, 1, "float32", 3);
  for (const make of [
    (activation: "relu" | undefined) =>
      tf.layers.conv2d({
        name: "l",
        filters: 4,
        kernelSize: 3,
        activation,
        kernelInitializer: tf.initializers.ones(),
        inputShape: [6, 6, 4],
      }),
    (activation: "relu" | undefined) =>
      tf.layers.depthwiseConv2d({
        name: "l",
        kernelSize: 3,
        activation,
        depthwiseInitializer: tf.initializers.ones(),
        inputShape: [6, 6, 4],
      }),
    (activation: "relu" | undefined) =>
      tf.layers.separableConv2d({
        name: "l",
        filters: 4,
        kernelSize: 3,
        activation,
        depthwiseInitializer: "ones",
        pointwiseInitializer: "ones",
        inputShape: [6, 6, 4],
      }),
    (activation: "relu" | undefined) =>
      tf.layers.dense({
        name: "l",
        units: 4,
        activation,
        kernelInitializer: tf.initializers.ones(),
        inputShape: [6, 6, 4],
      }),
  ]) {
    const [linear, model] = [make(undefined), make("relu")].map((layer) =>
      tf.sequential({ layers: [layer] }),
    );
    const pea = applyPea(model as tf.Sequential, { ensemble: "weighted", smooth: "elu" });
    pea.alpha = 0.25;
    const before = outputsOf(linear as tf.Sequential, x);
    const mixed = before.map((v) => (v > 0 ? v : 0.75 * Math.expm1(v)));
    const after = outputsOf(model as tf.Sequential, x);
    for (const [i, value] of after.entries()) assert.ok(Math.abs(value - (mixed[i] as number)) < 1e-5);
  }
});

test("tfjs re-cases words when it saves: settings come back unchanged all the same", async () => {
  const model = imageModel();
  const pea = applyPea(model, { ensemble: "weighted", smooth: "swish", seed: 2 ** 40 });
  pea.alpha = 1 / 3;
  const { model: again } = await savedAndLoaded(model);
  assert.deepEqual(
    resumePea(again).sites.map(({ state }) => state.config),
    pea.sites.map(({ state }) => state.config),
  );
});

test("a sequential model gives callbacks its inner model: the handle moves the right one", async () => {
  const { xs, ys } = images();
  const model = compiled(imageModel());
  const callback = new PeaCallback(applyPea(model, settings), course);
  await model.fit(xs, ys, { ...fitting, epochs: 6, callbacks: callback });
  assert.notEqual(callback.model, model);
  finalize(model);
});

test("the steps go on over epochs, though tfjs counts batches anew in each", async () => {
  const { xs, ys } = images();
  const model = compiled(imageModel());
  const pea = applyPea(model, settings);
  const steps: number[] = [];
  const watch = new tf.CustomCallback({ onBatchEnd: async () => void steps.push(pea.step) });
  await model.fit(xs, ys, { ...fitting, epochs: 6, callbacks: [new PeaCallback(pea, course), watch] });
  assert.deepEqual(
    steps,
    Array.from({ length: 18 }, (_, step) => step),
  );
});

test("training is undefined, not false, outside of training: an evaluation draws nothing", () => {
  const { xs, ys } = images();
  const model = compiled(imageModel());
  const pea = applyPea(model, settings);
  pea.alpha = 0.5;
  const once = outputsOf(model, xs);
  pea.step = 7;
  assert.deepEqual(outputsOf(model, xs), once);
  const losses = [1, 2].map(() => (model.evaluate(xs, ys, { verbose: 0 }) as tf.Scalar).dataSync()[0]);
  assert.equal(losses[0], losses[1]);
});

test("tfjs tells layers that they train, but not their activations: ensembles draw all the same, nested ones too", () => {
  const nested = tf.sequential({
    layers: [
      tf.layers.dense({ units: 100, activation: "relu", kernelInitializer: "identity", inputShape: [100] }),
    ],
  });
  const outer = tf.sequential({ layers: [nested] });
  const pea = applyPea(outer, settings);
  pea.alpha = 0.5;
  pea.step = 1;
  const values = (training: boolean) =>
    new Set((outer.apply(tf.ones([1, 100]), { training }) as tf.Tensor).dataSync()).size;
  assert.equal(values(true), 2, "some elements are ReLU's and some are Mish's");
  assert.equal(values(false), 1, "all are the mean of both");
});

test("time after time a wrapped layer draws anew", () => {
  const layer = tf.layers.dense({ units: 50, activation: "relu", kernelInitializer: "identity" });
  const model = tf.sequential({ layers: [tf.layers.timeDistributed({ layer, inputShape: [2, 50] })] });
  const pea = applyPea(model, settings);
  pea.alpha = 0.5;
  pea.step = 3;
  const [first, second] = tf.split(model.apply(tf.ones([1, 2, 50]), { training: true }) as tf.Tensor, 2, 1);
  assert.notDeepEqual(first?.dataSync(), second?.dataSync());
});

test("freezing reorders getWeights: weights are exchanged by name", async () => {
  const model = imageModel();
  const { toSafetensors, loadSafetensors } = await import("../src/index.ts");
  const bytes = toSafetensors(model);
  const other = imageModel();
  (other.layers[0] as tf.layers.Layer).trainable = false;
  for (const weight of other.weights) weight.write(tf.zeros(weight.shape as number[]));
  loadSafetensors(other, bytes);
  (other.layers[0] as tf.layers.Layer).trainable = true;
  assert.deepEqual(weightsOf(other), weightsOf(model));
});

test("at exactly 6 the spellings of ReLU6 differ in their gradient: each is put back as it was", () => {
  const slopeAtSix = (model: tf.LayersModel) =>
    tf
      .grad((x: tf.Tensor) => tf.sum(model.apply(x) as tf.Tensor))(tf.tensor2d([[6]]))
      .dataSync()[0];
  const word = () =>
    tf.sequential({ layers: [tf.layers.activation({ activation: "relu6", inputShape: [1] })] });
  const layer = () => tf.sequential({ layers: [tf.layers.reLU({ maxValue: 6, inputShape: [1] } as never)] });
  for (const make of [word, layer]) {
    const [plain, model] = [make(), make()];
    const pea = applyPea(model, settings);
    pea.alpha = 1;
    finalize(model);
    assert.equal(slopeAtSix(model), slopeAtSix(plain));
  }
  assert.notEqual(slopeAtSix(word()), slopeAtSix(layer()));
});

test("momentum resumes to the bit where the optimizer's state is kept with the model", async () => {
  const { xs, ys } = images();
  const momentum = (model: tf.Sequential | tf.LayersModel) =>
    model.compile({ optimizer: tf.train.momentum(0.05, 0.9), loss: "categoricalCrossentropy" });
  const train = async (...parts: [initialEpoch: number, epochs: number][]) => {
    const model = imageModel();
    momentum(model);
    const callbacks = new PeaCallback(applyPea(model, settings), { ...course, epochs: 6 });
    for (const [initialEpoch, epochs] of parts)
      await model.fit(xs, ys, { ...fitting, initialEpoch, epochs, callbacks });
    return weightsOf(model);
  };
  assert.deepEqual(await train([0, 2], [2, 6]), await train([0, 6]));
});

test("on the wasm backend convolutions are refused before they fail, and dense networks train", async () => {
  const { createRequire } = await import("node:module");
  const { dirname, join } = await import("node:path");
  const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
  setWasmPaths(join(dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm")), "/"));
  await tf.setBackend("wasm");
  try {
    assert.throws(
      () => applyPea(imageModel(), settings),
      /the wasm backend cannot train .*setBackend\("cpu"\)/,
    );
    const model = compiled(
      tf.sequential({
        layers: [
          tf.layers.flatten({ inputShape: [8, 8, 1] }),
          tf.layers.dense({ units: 8, activation: "relu" }),
          tf.layers.dense({ units: 3, activation: "softmax" }),
        ],
      }),
    );
    const { xs, ys } = images();
    const callbacks = new PeaCallback(applyPea(model, settings), course);
    await model.fit(xs, ys, { ...fitting, epochs: 6, callbacks });
    finalize(model);
  } finally {
    await tf.setBackend("cpu");
  }
});
