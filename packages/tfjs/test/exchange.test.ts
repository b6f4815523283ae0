import "./support/quiet.ts";
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { alphaAt, type Ensemble } from "@pea/core";
import {
  backward,
  contiguous,
  crossEntropyLoss,
  noGrad,
  readSafetensors,
  SGD,
  scope,
  softmax,
  type Tensor,
  tensor,
  writeSafetensors,
} from "@pea/torch";
import * as tf from "@tensorflow/tfjs";
import { applyPea as applyPeaOfToolkit, finalize as finalizeOfToolkit } from "pea-train";
import { applyPea, type EnsembleSettings, finalize, loadSafetensors, toSafetensors } from "../src/index.ts";
import { outputsOf, weightsOf } from "./support/models.ts";
import { classes, TorchTwin, tfjsTwin } from "./support/torch-twin.ts";

/** Runs `body` with the path of a file in a folder of its own. */
function withFile<T>(body: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "pea-tfjs-"));
  try {
    return body(join(folder, "weights.safetensors"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function toTorch(model: tf.LayersModel): TorchTwin {
  const twin = new TorchTwin();
  withFile((path) => {
    writeFileSync(path, toSafetensors(model));
    twin.loadStateDict(readSafetensors(path).tensors);
  });
  twin.to({ memoryFormat: "channels_last" });
  return twin;
}

function safetensorsOf(twin: TorchTwin): Uint8Array {
  return withFile((path) => {
    writeSafetensors(path, twin.stateDict());
    return new Uint8Array(readFileSync(path));
  });
}

/** Images [count, 10, 10, 2] as tfjs and as @pea/torch take them. */
function batch(
  count: number,
  seed: number,
): { images: tf.Tensor4D; labels: tf.Tensor; x: Tensor; y: Tensor } {
  const images = tf.randomNormal([count, 10, 10, 2], 0, 1, "float32", seed) as tf.Tensor4D;
  const numbers = Array.from({ length: count }, (_, i) => (i * 7 + seed) % classes);
  const first = tf.transpose(images, [0, 3, 1, 2]).dataSync();
  return {
    images,
    labels: tf.oneHot(tf.tensor1d(numbers, "int32"), classes),
    x: contiguous(tensor(Float32Array.from(first), { shape: [count, 2, 10, 10] }), {
      memoryFormat: "channels_last",
    }),
    y: tensor(numbers, { dtype: "int64" }),
  };
}

const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] as number))));

test("the weights of a tfjs model make the same network of @pea/torch", () => {
  const model = tfjsTwin();
  const twin = toTorch(model);
  twin.eval();
  const { images, x } = batch(5, 1);
  const answers = scope(() => noGrad(() => softmax(twin.forward(x), 1).toTypedArray())) as Float32Array;
  assert.ok(largest(outputsOf(model, images), answers) < 1e-6);
});

test("and back again, to the last bit", () => {
  const model = tfjsTwin();
  const bytes = safetensorsOf(toTorch(model));
  const other = tfjsTwin();
  for (const weight of other.weights) weight.write(tf.zeros(weight.shape as number[]));
  loadSafetensors(other, bytes);
  assert.deepEqual(weightsOf(other), weightsOf(model));
});

test("a file that does not fit is refused by the names of its keys, and nothing is loaded", () => {
  const model = tfjsTwin();
  const before = weightsOf(model);
  const small = tf.sequential({ layers: [tf.layers.dense({ name: "dense", units: 2, inputShape: [3] })] });
  assert.throws(() => loadSafetensors(model, toSafetensors(small)), /it lacks conv\.weight, norm\.weight/);
  const wide = tf.sequential({ layers: [tf.layers.dense({ name: "dense", units: 2, inputShape: [4] })] });
  assert.throws(
    () => loadSafetensors(wide, toSafetensors(small)),
    /dense\.weight is F32 of shape \[2,3\] in the file, but the model needs F32 of shape \[2,4\]/,
  );
  assert.throws(() => loadSafetensors(model, new Uint8Array(4)), /no safetensors file/);
  assert.throws(() => loadSafetensors(model, new Uint8Array(64).fill(32)), /no safetensors file/);
  assert.deepEqual(weightsOf(model), before);
});

test("a layer without a counterpart is named", () => {
  const model = tf.sequential({ layers: [tf.layers.gru({ name: "gate", units: 2, inputShape: [3, 2] })] });
  assert.throws(() => toSafetensors(model), /gate \(GRU\) has the weight kernel, for which no counterpart/);
});

const plan = { initialSteps: 2, transitionSteps: 14, totalSteps: 20 };

for (const [ensemble, smooth] of [
  ["weighted", "gelu"],
  ["stochastic", "swish"],
  ["stochastic", "mish"],
  ["weighted", "elu"],
] as [Ensemble, EnsembleSettings["smooth"]][])
  test(`20 steps of training agree with the toolkit's: ${ensemble}, ${smooth}`, async () => {
    const model = tfjsTwin();
    model.compile({ optimizer: tf.train.sgd(0.05), loss: "categoricalCrossentropy" });
    const twin = toTorch(model);
    const settings = { ensemble, smooth, seed: 11 };
    const [pea, peaOfTwin] = [applyPea(model, settings), applyPeaOfToolkit(twin, settings)];
    const optimizer = new SGD([...twin.parameters()], { lr: 0.05 });
    for (let step = 0; step < plan.totalSteps; step++) {
      const { images, labels, x, y } = batch(16, step);
      for (const handle of [pea, peaOfTwin]) {
        handle.alpha = alphaAt(step, plan);
        handle.step = step;
      }
      const loss = (await model.trainOnBatch(images, labels)) as number;
      const lossOfTwin = scope(() => {
        const loss = crossEntropyLoss(twin.forward(x), y);
        optimizer.zeroGrad();
        backward(loss);
        optimizer.step();
        return loss.item() as number;
      });
      assert.ok(Math.abs(loss - lossOfTwin) < 1e-4, `step ${step}: ${loss} and ${lossOfTwin}`);
      tf.dispose([images, labels]);
    }
    finalize(model);
    finalizeOfToolkit(twin);
    const trained = tfjsTwin();
    loadSafetensors(trained, safetensorsOf(twin));
    for (const [i, weight] of trained.weights.entries()) {
      // Their running variance counts n − 1, tfjs's counts n.
      if (weight.originalName.includes("moving_variance")) continue;
      const difference = largest(
        weight.read().dataSync(),
        (model.weights[i] as tf.LayerVariable).read().dataSync(),
      );
      // Last bits may put a value on the other side of ReLU's zero: 2.6e-4 was seen. α a step late makes 2e-2.
      assert.ok(difference < 1e-3, `${weight.originalName}: ${difference}`);
    }
  });
