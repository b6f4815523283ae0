import assert from "node:assert/strict";
import { test } from "node:test";
import { activations, type SmoothName, stochasticVariance, weighted, weightedDerivative } from "@pea/core";
import fc from "fast-check";
import { assertAbsolute } from "./assert-close.ts";
import { normalMean } from "./normal-mean.ts";
import { assertUsageError } from "./usage-error.ts";

const smoothNames: SmoothName[] = ["gelu", "swish", "mish", "elu", "hardswish", "gelu-tanh"];
const inputs = [-Infinity, -1e308, -3, -0.5, -0, 0, 0.5, 3, 1e308, Infinity, Number.NaN];

for (const smooth of smoothNames) {
  test(`${smooth}: α is ReLU's coefficient: 0 is the smooth activation alone, 1 is ReLU alone, exactly`, () => {
    for (const x of inputs) {
      assert.equal(weighted(x, 0, smooth), activations[smooth].f(x));
      assert.equal(weighted(x, 1, smooth), activations.relu.f(x));
      assert.equal(weightedDerivative(x, 0, smooth), activations[smooth].df(x));
      assert.equal(weightedDerivative(x, 1, smooth), activations.relu.df(x));
      assert.equal(stochasticVariance(x, 0, smooth), 0);
      assert.equal(stochasticVariance(x, 1, smooth), 0);
    }
  });

  test(`${smooth}: below 0 the ensemble is (1 − α)·Act(x), above it comes nearer to x with α`, () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-6, max: 20, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (x, alpha) => {
          const { f } = activations[smooth];
          // The sign of zero, which Hardswish is below −3, is left open.
          assert.equal(weighted(-x, alpha, smooth) + 0, alpha === 1 ? 0 : (1 - alpha) * f(-x) + 0);
          const distance = Math.abs(weighted(x, alpha, smooth) - x);
          assertAbsolute(distance, (1 - alpha) * Math.abs(f(x) - x), 1e-14);
        },
      ),
    );
  });

  test(`${smooth}: the derivative is that of the value`, () => {
    const h = 1e-6;
    for (const x of [-4, -1, -0.2, 0.3, 1.7, 5]) {
      const difference = (weighted(x + h, 0.3, smooth) - weighted(x - h, 0.3, smooth)) / (2 * h);
      assertAbsolute(weightedDerivative(x, 0.3, smooth), difference, 1e-8);
    }
  });
}

test("moments at α = 0.5 over a normal input (spec recipes 5.3)", () => {
  const oracle: Record<SmoothName, [mean: number, weightedSquare: number, stochasticSquare: number]> = {
    gelu: [0.340518536088, 0.458594106416, 0.462610741285],
    swish: [0.302781622272, 0.416973837862, 0.427887759909],
    mish: [0.319673084388, 0.4678299074, 0.476171096188],
    elu: [0.279731426334, 0.536236354373, 0.572472708746],
    hardswish: [0.282579490529, 0.398981056957, 0.415783687569],
    "gelu-tanh": [0.34049043424, 0.458575582656, 0.462596855517],
  };
  for (const smooth of smoothNames) {
    const [mean, weightedSquare, stochasticSquare] = oracle[smooth];
    const mixed = (x: number) => weighted(x, 0.5, smooth);
    assertAbsolute(normalMean(mixed), mean, 1e-7);
    assertAbsolute(
      normalMean((x) => mixed(x) ** 2),
      weightedSquare,
      1e-7,
    );
    const secondMoment = normalMean((x) => mixed(x) ** 2 + stochasticVariance(x, 0.5, smooth));
    assertAbsolute(secondMoment, stochasticSquare, 1e-7);
  }
});

test("an α outside 0 to 1 is refused", () => {
  for (const alpha of [-0.1, 1.1, Number.NaN, Infinity]) {
    for (const run of [weighted, weightedDerivative, stochasticVariance]) {
      assertUsageError(
        () => run(1, alpha, "gelu"),
        new RegExp(`alpha must be a number from 0 to 1, not ${alpha}`),
      );
    }
  }
});
