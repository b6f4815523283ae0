import "./support/quiet.ts";
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { activations, type SmoothName, stochasticMask } from "@pea/core";
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { composed } from "../src/elementwise/composed.ts";
import type { Elementwise, Mixture, TargetName } from "../src/elementwise/elementwise.ts";
import { mixture } from "../src/elementwise/index.ts";
import { onHost } from "../src/elementwise/on-host.ts";

const smooths: readonly SmoothName[] = ["gelu", "swish", "mish", "elu"];
const targets: readonly TargetName[] = ["relu", "relu6"];
const key = { seed: 3, site: 2, step: 17 };
const mixtures: Mixture[] = smooths.flatMap((smooth) =>
  targets.flatMap((target) =>
    (["weighted", "stochastic"] as const).flatMap((ensemble) =>
      [0, 0.3, 1].map((alpha) => ({ smooth, target, ensemble, alpha, ...key })),
    ),
  ),
);
const points = [
  -1e30, -100, -20, -6, -3.7, -1, -0.01, -1e-8, 0, 1e-8, 0.01, 0.5, 1, 3, 5.999, 6, 6.001, 20, 100, 1e30,
];
const xs = Float32Array.from([...points, ...Array.from({ length: 400 }, (_, i) => i / 40 - 5)]);

const clip = (x: number) => Math.min(Math.max(x, 0), 6);
const targetOf = {
  relu: activations.relu,
  relu6: { f: clip, df: (x: number) => (x > 0 && x < 6 ? 1 : 0) },
} as const;

/** The definition, element by element in float64. */
function expected({ smooth, target, ensemble, alpha, ...maskKey }: Mixture, what: "f" | "df"): number[] {
  const mask = stochasticMask(xs.length, alpha, maskKey);
  return Array.from(xs, (x, i) => {
    const [kept, gone] = [targetOf[target][what](x), activations[smooth][what](x)];
    if (alpha === 0) return gone;
    if (alpha === 1) return kept;
    return ensemble === "weighted" ? alpha * kept + (1 - alpha) * gone : mask[i] ? kept : gone;
  });
}

function checkAgainstDefinition(elementwise: Elementwise, tolerance: number): void {
  const x = tf.tensor1d(xs);
  const dy = tf.linspace(-2, 2, xs.length);
  const arriving = dy.dataSync();
  for (const options of mixtures) {
    const value = elementwise.value(x, options).dataSync();
    const gradient = elementwise.gradient(x, dy, options).dataSync();
    const [values, slopes] = [expected(options, "f"), expected(options, "df")];
    for (const [i, at] of xs.entries()) {
      const message = `${JSON.stringify(options)} at ${at}`;
      const close = (actual = Number.NaN, wanted = Number.NaN) =>
        assert.ok(
          Math.abs(actual - wanted) <= tolerance * Math.max(1, Math.abs(wanted)),
          `${message}: ${actual}, not ${wanted}`,
        );
      close(value[i], values[i]);
      close(gradient[i], (slopes[i] as number) * (arriving[i] as number));
    }
  }
}

test("in JavaScript mixtures are the definition, rounded once", () =>
  checkAgainstDefinition(onHost, 2 ** -23));

test("composed of tfjs's operators they are the definition to float32's rounding", () => {
  checkAgainstDefinition(composed, 1e-6);
});

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

test("a gradient passes through a mixture, and x alone is kept", () => {
  const options = { smooth: "mish", target: "relu", ensemble: "stochastic", alpha: 0.4, ...key } as const;
  const x = tf.tensor1d(xs);
  const { value, grad } = tf.valueAndGrad((at: tf.Tensor) => tf.sum(mixture(at, options)))(x);
  const sum = expected(options, "f").reduce((total, term) => total + Math.fround(term), 0);
  assert.ok(Math.abs((value.dataSync()[0] as number) / sum - 1) < 1e-6);
  const slopes = expected(options, "df");
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

test("the wasm backend computes the same", async () => {
  const require = createRequire(import.meta.url);
  setWasmPaths(join(dirname(require.resolve("@tensorflow/tfjs-backend-wasm")), "/"));
  await tf.setBackend("wasm");
  try {
    assert.equal(tf.getBackend(), "wasm");
    checkAgainstDefinition(onHost, 2 ** -23);
    const x = tf.tensor2d(xs.slice(0, 300), [100, 3]);
    const options = { smooth: "gelu", target: "relu", ensemble: "weighted", alpha: 0.25, ...key } as const;
    assert.deepEqual(mixture(x, options).shape, [100, 3]);
  } finally {
    await tf.setBackend("cpu");
  }
});
