import assert from "node:assert/strict";
import { test } from "node:test";
import { Conv2d, empty, init, Linear, manualSeed, type Tensor, TorchError } from "@pea/torch";

/** Out 500, in 100 in one group, kernel 3 × 3: fan-in 900, fan-out 4500. */
const weight = () => empty([500, 100, 3, 3]);

function statistics(drawn: Tensor): { mean: number; std: number; largest: number } {
  const values = drawn.toTypedArray() as Float32Array;
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const std = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
  return { mean, std, largest: values.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0) };
}

/** 450,000 draws: the standard deviation is known to 0.1 %, the mean to 0.0015 standard deviations. */
function assertDistribution(drawn: Tensor, std: number, bound = Number.POSITIVE_INFINITY): void {
  const seen = statistics(drawn);
  assert.ok(Math.abs(seen.std / std - 1) < 0.006, `standard deviation ${seen.std}, expected ${std}`);
  assert.ok(Math.abs(seen.mean) < 0.008 * std, `mean ${seen.mean}`);
  assert.ok(seen.largest <= bound * (1 + 1e-6), `largest ${seen.largest}, bound ${bound}`);
  if (Number.isFinite(bound)) assert.ok(seen.largest > 0.99 * bound, "draws reach the bound");
}

test("He initialization by fan-in: truncated at two standard deviations, rescaled to √(2 / fan-in)", () => {
  manualSeed(1);
  const std = Math.sqrt(2 / 900);
  assertDistribution(init.heTruncatedNormal(weight()), std, (2 * std) / 0.87962566);
});

test("He initialization takes a fan-in of one's own, as of a transposed kernel", () => {
  manualSeed(1);
  const std = Math.sqrt(2 / 225);
  assertDistribution(init.heTruncatedNormal(weight(), { fanIn: 225 }), std, (2 * std) / 0.87962566);
});

test("He initialization by fan-out: normal, √(2 / fan-out)", () => {
  manualSeed(2);
  assertDistribution(init.heNormal(weight()), Math.sqrt(2 / 4500));
});

test("truncated normal is not rescaled: std 0.09 gives 0.0792, as slim's MobileNet", () => {
  manualSeed(3);
  assertDistribution(init.truncatedNormal(weight(), 0.09), 0.0792, 0.18);
});

test("normal and uniform", () => {
  manualSeed(4);
  assertDistribution(init.normal(weight(), 0.01), 0.01);
  assertDistribution(init.uniform(weight(), -0.3, 0.3), 0.3 / Math.sqrt(3), 0.3);
});

test("Glorot: uniform within √(6 / (fan-in + fan-out))", () => {
  manualSeed(5);
  const bound = Math.sqrt(6 / 5400);
  assertDistribution(init.glorotUniform(weight()), bound / Math.sqrt(3), bound);
});

test("layers start as PyTorch's: weight and bias uniform within 1 / √fan-in", () => {
  manualSeed(6);
  const conv = new Conv2d(200, 5000, 3, { groups: 100 });
  assertDistribution(conv.weight, 1 / Math.sqrt(3 * 18), 1 / Math.sqrt(18));
  const linear = new Linear(2, 450_000);
  assertDistribution(linear.bias as Tensor, 1 / Math.sqrt(3 * 2), 1 / Math.sqrt(2));
});

test("constants", () => {
  assert.deepEqual(init.zeros(empty([2])).toNestedArray(), [0, 0]);
  assert.deepEqual(init.ones(empty([2])).toNestedArray(), [1, 1]);
  assert.deepEqual(init.constant(empty([2]), 0.5).toNestedArray(), [0.5, 0.5]);
});

test("parameters can be initialized again without touching their gradient flag", () => {
  const { weight: parameter } = new Linear(3, 4);
  assert.equal(init.normal(parameter, 1), parameter);
  assert.ok(parameter.requiresGrad && parameter.isLeaf);
});

test("a vector has no fans", () => {
  assert.throws(() => init.heNormal(empty([3])), TorchError);
  assert.deepEqual(init.fans(weight()), { fanIn: 900, fanOut: 4500 });
});
