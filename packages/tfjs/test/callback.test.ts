import "./support/quiet.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { alphaAt } from "@pea/core";
import * as tf from "@tensorflow/tfjs";
import { applyPea, finalize, PeaCallback, resumePea } from "../src/index.ts";
import { compiled, imageModel, images, savedAndLoaded, weightsOf } from "./support/models.ts";

const settings = { ensemble: "stochastic", smooth: "mish", seed: 5 } as const;
const fitting = { batchSize: 16, verbose: 0, shuffle: false } as const;
/** 6 epochs of 3 steps. */
const plan = { initialSteps: 2, transitionSteps: 10, totalSteps: 18 };
const course = { end: "12st", initial: "2st" };

/** Writes down α and phase after each batch. */
function recorder(read: () => number, alphas: number[]) {
  return new tf.CustomCallback({
    onBatchEnd: async () => {
      alphas.push(read());
    },
  });
}

test("fit moves alpha before each batch, as core's schedule says", async () => {
  const { xs, ys } = images();
  const model = compiled(imageModel());
  const pea = applyPea(model, settings);
  const alphas: number[] = [];
  const callback = new PeaCallback(pea, course);
  assert.equal(callback.phase, null);
  await model.fit(xs, ys, {
    ...fitting,
    epochs: 6,
    callbacks: [callback, recorder(() => pea.alpha, alphas)],
  });
  assert.deepEqual(
    alphas,
    Array.from({ length: 18 }, (_, step) => alphaAt(step, plan)),
  );
  assert.equal(callback.phase, "final");
  assert.equal(pea.step, 17);
});

test("the last validation sees the alpha of the last batch", async () => {
  const { xs, ys } = images();
  const model = compiled(imageModel());
  const pea = applyPea(model, settings);
  const callback = new PeaCallback(pea, { end: "4st", initial: "1st" });
  const history = await model.fit(xs, ys, {
    ...fitting,
    epochs: 2,
    validationData: [xs, ys],
    callbacks: callback,
  });
  finalize(model);
  const loss = (model.evaluate(xs, ys, { verbose: 0 }) as tf.Scalar).dataSync()[0] as number;
  assert.ok(Math.abs((history.history.val_loss?.at(-1) as number) - loss) < 1e-6);
});

test("fitDataset has the same alphas, and says so where the number of batches is not known", async () => {
  const { xs, ys } = images();
  const data = tf.data
    .zip({ xs: tf.data.array(tf.unstack(xs)), ys: tf.data.array(tf.unstack(ys)) })
    .batch(16)
    .repeat(6);
  const model = compiled(imageModel());
  const pea = applyPea(model, settings);
  const alphas: number[] = [];
  const callbacks = [new PeaCallback(pea, course), recorder(() => pea.alpha, alphas)];
  await model.fitDataset(data, { epochs: 6, batchesPerEpoch: 3, verbose: 0, callbacks } as never);
  assert.deepEqual(
    alphas,
    Array.from({ length: 18 }, (_, step) => alphaAt(step, plan)),
  );
  const unknown = tf.data.generator(function* () {
    yield { xs: xs.slice(0, 16), ys: ys.slice(0, 16) };
  });
  await assert.rejects(
    model.fitDataset(
      unknown as never,
      { epochs: 6, verbose: 0, callbacks: new PeaCallback(pea, course) } as never,
    ),
    /give PeaCallback stepsPerEpoch/,
  );
});

test("a run in parts is the run in one, bit for bit: on with the model, or saved and loaded between", async () => {
  const { xs, ys } = images();
  const whole = compiled(imageModel());
  await whole.fit(xs, ys, {
    ...fitting,
    epochs: 6,
    callbacks: new PeaCallback(applyPea(whole, settings), course),
  });

  const first = compiled(imageModel());
  const callback = new PeaCallback(applyPea(first, settings), { ...course, epochs: 6 });
  await first.fit(xs, ys, { ...fitting, epochs: 3, callbacks: callback });
  const { model: second } = await savedAndLoaded(first);
  compiled(second);
  await first.fit(xs, ys, { ...fitting, initialEpoch: 3, epochs: 6, callbacks: callback });
  assert.deepEqual(weightsOf(first), weightsOf(whole));

  const resumed = new PeaCallback(resumePea(second), course);
  await second.fit(xs, ys, { ...fitting, initialEpoch: 3, epochs: 6, callbacks: resumed });
  assert.deepEqual(weightsOf(second), weightsOf(whole));
});

test("a second fit that begins again is refused, and told how to go on", async () => {
  const { xs, ys } = images();
  const model = compiled(imageModel());
  const callback = new PeaCallback(applyPea(model, settings), { ...course, epochs: 6 });
  await model.fit(xs, ys, { ...fitting, epochs: 2, callbacks: callback });
  await assert.rejects(
    model.fit(xs, ys, { ...fitting, epochs: 2, callbacks: callback }),
    /6 steps of this run are done; go on with initialEpoch: 2/,
  );
});

test("a course that cannot be is refused before anything trains", async () => {
  const { xs, ys } = images();
  const model = compiled(imageModel());
  const pea = applyPea(model, settings);
  assert.throws(() => new PeaCallback(pea, { end: "soon" }), /soon/);
  const before = weightsOf(model);
  await assert.rejects(
    model.fit(xs, ys, { ...fitting, epochs: 2, callbacks: new PeaCallback(pea, { end: "100%" }) }),
    /leaves no final phase/,
  );
  assert.deepEqual(weightsOf(model), before);
});

test("the masks are those of the step: another seed trains other weights, the same one the same", async () => {
  const { xs, ys } = images();
  const train = async (seed: number) => {
    const model = compiled(imageModel());
    const callbacks = new PeaCallback(applyPea(model, { ...settings, seed }), course);
    await model.fit(xs, ys, { ...fitting, epochs: 6, callbacks });
    return weightsOf(model);
  };
  const [one, same, other] = [await train(1), await train(1), await train(2)];
  assert.deepEqual(one, same);
  assert.notDeepEqual(one, other);
});

test("a nested model draws in training as well", async () => {
  const inner = () =>
    tf.sequential({
      layers: [
        tf.layers.dense({
          units: 8,
          activation: "relu",
          inputShape: [64],
          kernelInitializer: tf.initializers.glorotNormal({ seed: 1 }),
        }),
      ],
    });
  const train = async (ensemble: "weighted" | "stochastic") => {
    const model = compiled(
      tf.sequential({
        layers: [
          tf.layers.flatten({ inputShape: [8, 8, 1] }),
          inner(),
          tf.layers.dense({
            units: 3,
            activation: "softmax",
            kernelInitializer: tf.initializers.glorotNormal({ seed: 2 }),
          }),
        ],
      }),
    );
    const { xs, ys } = images();
    await model.fit(xs, ys, {
      ...fitting,
      epochs: 6,
      callbacks: new PeaCallback(applyPea(model, { ...settings, ensemble }), course),
    });
    return weightsOf(model);
  };
  assert.notDeepEqual(await train("stochastic"), await train("weighted"));
});

test("no tensor is left behind over 200 steps", async () => {
  const { xs, ys } = images();
  const model = compiled(imageModel());
  const pea = applyPea(model, settings);
  pea.alpha = 0.5;
  const counts: number[] = [];
  for (let step = 0; step < 200; step++) {
    pea.step = step;
    tf.dispose(await model.trainOnBatch(xs, ys));
    counts.push(tf.memory().numTensors);
  }
  assert.equal(new Set(counts.slice(2)).size, 1, String(counts));
});
