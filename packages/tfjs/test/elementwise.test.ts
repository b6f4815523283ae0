import "./support/quiet.ts";
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { composed } from "../src/elementwise/composed.ts";
import type { Elementwise } from "../src/elementwise/elementwise.ts";
import { mixture } from "../src/elementwise/index.ts";
import { onHost } from "../src/elementwise/on-host.ts";
import { expected, key, points, smooths, worstDifference } from "./support/definition.ts";

async function checkAgainstDefinition({ value, gradient }: Elementwise, tolerance: number): Promise<void> {
  const { worst, at } = await worstDifference(
    (x, dy, options) => [value(x, options), gradient(x, dy, options)],
    400,
  );
  assert.ok(worst <= tolerance, at);
}

test("in JavaScript mixtures are the definition, rounded once", () =>
  checkAgainstDefinition(onHost, 2 ** -23));

test("composed of tfjs's operators they are the definition to float32's rounding", () =>
  checkAgainstDefinition(composed, 1e-6));

test("infinities go to their limits, and NaN stays", () => {
  const ends = tf.tensor1d([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN]);
  for (const smooth of smooths)
    for (const alpha of [0, 0.5, 1]) {
      const options = { smooth, target: "relu", ensemble: "weighted", alpha, ...key } as const;
      const [low, high, none] = onHost.value(ends, options).dataSync();
      const limit = smooth === "elu" ? alpha - 1 : 0;
      assert.ok(Math.abs((low as number) - limit) < 1e-7, `${smooth}, alpha ${alpha}: ${low}`);
      assert.equal(high, Number.POSITIVE_INFINITY);
      assert.ok(Number.isNaN(none));
    }
});

test("a gradient passes through a mixture, and nothing is left behind", () => {
  const options = { smooth: "mish", target: "relu", ensemble: "stochastic", alpha: 0.4, ...key } as const;
  const xs = points(400);
  const x = tf.tensor1d(xs);
  const { value, grad } = tf.valueAndGrad((at: tf.Tensor) => tf.sum(mixture(at, options)))(x);
  const sum = expected(xs, options, "f").reduce((total, term) => total + Math.fround(term), 0);
  assert.ok(Math.abs((value.dataSync()[0] as number) / sum - 1) < 1e-6);
  const slopes = expected(xs, options, "df");
  for (const [i, slope] of grad.dataSync().entries())
    assert.ok(Math.abs(slope - (slopes[i] as number)) < 1e-6);
  const before = tf.memory().numTensors;
  for (let i = 0; i < 10; i++)
    tf.tidy(() =>
      tf
        .grad((at: tf.Tensor) => tf.sum(mixture(at, options)))(x)
        .dataSync(),
    );
  assert.equal(tf.memory().numTensors, before);
});

test("between forward and backward pass x alone is kept", () => {
  const x = tf.ones([100, 100]);
  const options = { smooth: "gelu", target: "relu", ensemble: "stochastic", alpha: 0.4, ...key } as const;
  const before = tf.memory().numDataBuffers;
  let during = 0;
  tf.tidy(() => {
    const gradient = tf.grad((at: tf.Tensor) => {
      const y = mixture(at, options);
      during = tf.memory().numDataBuffers;
      return tf.sum(y);
    });
    gradient(x);
  });
  assert.equal(during - before, 1, "the output's buffer is all that is new");
});

test("the wasm backend computes the same", async () => {
  const require = createRequire(import.meta.url);
  setWasmPaths(join(dirname(require.resolve("@tensorflow/tfjs-backend-wasm")), "/"));
  await tf.setBackend("wasm");
  try {
    assert.equal(tf.getBackend(), "wasm");
    await checkAgainstDefinition(onHost, 2 ** -23);
    const x = tf.tensor2d(points(400).slice(0, 300), [100, 3]);
    const options = { smooth: "gelu", target: "relu", ensemble: "weighted", alpha: 0.25, ...key } as const;
    assert.deepEqual(mixture(x, options).shape, [100, 3]);
  } finally {
    await tf.setBackend("cpu");
  }
});
