/** What TensorFlow.js's training does otherwise than Keras's or PyTorch's, beside PEA: what the README says is so. */
import "./support/quiet.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { applyPea, finalize, PeaCallback, resumePea } from "../src/index.ts";
import { imageModel, images, savedAndLoaded, weightsOf } from "./support/models.ts";

const settings = { ensemble: "stochastic", smooth: "mish", seed: 5 } as const;
const fitting = { batchSize: 16, verbose: 0, shuffle: false } as const;
const course = { end: "12st", initial: "2st", epochs: 6 };
const loss = "categoricalCrossentropy";

/** Without the layers of imageModel that tfjs itself cannot train. */
const normedModel = () =>
  tf.sequential({
    layers: [
      tf.layers.conv2d({ filters: 4, kernelSize: 3, activation: "relu", inputShape: [8, 8, 1] }),
      tf.layers.batchNormalization({ name: "norm" }),
      tf.layers.reLU(),
      tf.layers.flatten(),
      tf.layers.dense({ units: 3, activation: "softmax" }),
    ],
  });

test("tfjs has no gradient for ThresholdedReLU: such a model trains with PEA alone, to its end", async () => {
  const { xs, ys } = images();
  const model = imageModel();
  model.compile({ optimizer: tf.train.sgd(0.05), loss });
  await assert.rejects(model.fit(xs, ys, fitting), /gradient function not found for Greater/);
  const pea = applyPea(model, settings);
  await model.fit(xs, ys, { ...fitting, epochs: 6, callbacks: new PeaCallback(pea, course) });
  assert.equal(pea.alpha, 1);
  finalize(model);
});

test("fit holds a tensor for each epoch and metric until it returns, and PEA none besides", async () => {
  const { xs, ys } = images();
  const growth = async (withPea: boolean) => {
    const model = normedModel();
    model.compile({ optimizer: tf.train.sgd(0.05), loss, metrics: ["accuracy"] });
    const counts: number[] = [];
    const count = new tf.CustomCallback({ onEpochEnd: async () => void counts.push(tf.memory().numTensors) });
    const pea = withPea ? [new PeaCallback(applyPea(model, settings), course)] : [];
    await model.fit(xs, ys, { ...fitting, epochs: 6, callbacks: [...pea, count] });
    return counts.map((tensors) => tensors - (counts[0] as number));
  };
  assert.deepEqual(await growth(true), await growth(false));
});

test("a frozen batch norm goes on to move its statistics, in the transition as with ReLU", async () => {
  const { xs, ys } = images();
  for (const withPea of [false, true]) {
    const model = normedModel();
    const norm = model.getLayer("norm");
    norm.trainable = false;
    model.compile({ optimizer: tf.train.sgd(0.05), loss });
    const callbacks = withPea ? [new PeaCallback(applyPea(model, settings), course)] : [];
    const [gamma, , mean] = norm.weights.map((weight) => [...weight.read().dataSync()]);
    await model.fit(xs, ys, { ...fitting, epochs: 6, callbacks });
    assert.deepEqual([...(norm.weights[0] as tf.LayerVariable).read().dataSync()], gamma);
    assert.notDeepEqual([...(norm.weights[2] as tf.LayerVariable).read().dataSync()], mean);
  }
});

test("a learning rate assigned in the midst of a run: SGD goes on with the old one, setLearningRate is heard", async () => {
  const { xs, ys } = images();
  type Change = (optimizer: tf.SGDOptimizer) => void;
  const train = async (change: Change) => {
    const model = imageModel();
    const optimizer = tf.train.sgd(0.05);
    model.compile({ optimizer, loss });
    const decay = new tf.CustomCallback({
      onEpochBegin: async (epoch) => void (epoch === 3 && change(optimizer)),
    });
    const callbacks = [new PeaCallback(applyPea(model, settings), course), decay];
    await model.fit(xs, ys, { ...fitting, epochs: 6, callbacks });
    return weightsOf(model);
  };
  const unchanged = await train(() => {});
  const assigned = await train((optimizer) => Object.assign(optimizer, { learningRate: 0.001 }));
  assert.deepEqual(assigned, unchanged);
  assert.notDeepEqual(await train((optimizer) => optimizer.setLearningRate(0.001)), unchanged);
});

for (const [name, make] of [
  ["momentum", () => tf.train.momentum(0.05, 0.9)],
  ["RMSProp", () => tf.train.rmsprop(0.001)],
] as const)
  test(`${name}'s state saved with the model: loaded in mid-transition, training goes on to the bit`, async () => {
    const { xs, ys } = images();
    const compiledModel = () => {
      const model = imageModel();
      model.compile({ optimizer: make(), loss });
      return model;
    };
    const fit = (model: tf.LayersModel, callback: PeaCallback, initialEpoch: number, epochs: number) =>
      model.fit(xs, ys, { ...fitting, initialEpoch, epochs, callbacks: callback });

    const whole = compiledModel();
    await fit(whole, new PeaCallback(applyPea(whole, settings), course), 0, 6);
    const half = compiledModel();
    await fit(half, new PeaCallback(applyPea(half, settings), course), 0, 3);
    const { model: loaded } = await savedAndLoaded(half, { includeOptimizer: true });
    await fit(loaded, new PeaCallback(resumePea(loaded), course), 3, 6);
    assert.deepEqual(weightsOf(loaded), weightsOf(whole));
  });

test("a seeded dropout repeats its mask at every batch; an ensemble's follows from the step", () => {
  const x = tf.ones([1, 200]);
  const draw = (model: tf.Sequential) => [...(model.apply(x, { training: true }) as tf.Tensor).dataSync()];
  const dropout = tf.sequential({
    layers: [tf.layers.dropout({ rate: 0.5, seed: 1, inputShape: [200] })],
  });
  assert.deepEqual(draw(dropout), draw(dropout));
  const relu = tf.sequential({ layers: [tf.layers.reLU({ inputShape: [200] })] });
  const pea = applyPea(relu, settings);
  pea.alpha = 0.5;
  const [one, other] = [1, 2].map((step) => {
    pea.step = step;
    return draw(relu);
  });
  assert.notDeepEqual(one, other);
});

test("fit shuffles by Math.random: with one that follows from a seed, two runs are alike", async () => {
  const { xs, ys } = images();
  const { random } = Math;
  const train = async (first: number) => {
    let state = first;
    Math.random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    try {
      const model = imageModel();
      model.compile({ optimizer: tf.train.sgd(0.05), loss });
      const callbacks = new PeaCallback(applyPea(model, settings), course);
      await model.fit(xs, ys, { ...fitting, shuffle: true, epochs: 6, callbacks });
      return weightsOf(model);
    } finally {
      Math.random = random;
    }
  };
  const [one, same, other] = [await train(1), await train(1), await train(2)];
  assert.deepEqual(same, one);
  assert.notDeepEqual(other, one);
});

test("kernels are drawn by a truncated normal distribution where none is named, not by Keras's uniform one", () => {
  const fans = [300, 300] as const;
  const layer = tf.layers.dense({ units: fans[1], inputShape: [fans[0]] });
  tf.sequential({ layers: [layer] });
  const kernel = [...(layer.getWeights()[0] as tf.Tensor).dataSync()];
  const mostOfUniform = Math.sqrt(6 / (fans[0] + fans[1]));
  assert.ok(Math.max(...kernel) > 1.05 * mostOfUniform);
});
