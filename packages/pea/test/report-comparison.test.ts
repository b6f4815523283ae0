import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compareWithBaseline, sample, standardError, verdict } from "../src/report/comparison.ts";

const relu = (seed: number, testAccuracy: number) => ({ variant: "ReLU", seed, testAccuracy });
const pea = (seed: number, testAccuracy: number) => ({ variant: "SM75%", seed, testAccuracy });

function only(outcomes: Parameters<typeof compareWithBaseline>[0]) {
  const comparisons = compareWithBaseline(outcomes);
  assert.equal(comparisons.length, 1);
  return comparisons[0] as (typeof comparisons)[number];
}

describe("compareWithBaseline", () => {
  test("pairs runs by seed, in any order", () => {
    const comparison = only([pea(1, 92), relu(0, 90), relu(1, 91.5), pea(0, 91)]);
    assert.deepEqual(comparison.seeds, [1, 0]);
    assert.deepEqual(comparison.differences, [0.5, 1]);
    assert.equal(comparison.difference.mean, 0.75);
  });

  test("leaves out a run without a partner of the same seed", () => {
    const comparison = only([relu(0, 90), pea(0, 91), pea(1, 99)]);
    assert.deepEqual(comparison.seeds, [0]);
    assert.equal(comparison.accuracy.mean, 91);
  });

  test("compares each variant, and nothing without a baseline", () => {
    const names = compareWithBaseline([relu(0, 90), pea(0, 91), { ...pea(0, 92), variant: "mish" }]);
    assert.deepEqual(
      names.map(({ variant }) => variant),
      ["SM75%", "mish"],
    );
    assert.deepEqual(compareWithBaseline([pea(0, 91)]), []);
  });
});

describe("verdict", () => {
  test("concludes nothing from one seed", () => {
    assert.equal(
      verdict(only([relu(0, 90), pea(0, 91)])),
      "SM75% ends 1.00 points above ReLU: 91.00 % against 90.00 % on the test images. One seed: nothing can be concluded.",
    );
  });

  test("gives the spread and the count of seeds", () => {
    assert.match(
      verdict(only([relu(0, 90), relu(1, 92), pea(0, 91), pea(1, 91.5)])),
      /0\.25 points above ReLU: 91\.25 ± 0\.35 % .* above on 1 of 2 seeds; the difference by seed is \+0\.25 ± 1\.06 points/,
    );
  });

  test("says so when PEA loses", () => {
    assert.match(verdict(only([relu(0, 91), pea(0, 90.5)])), /0\.50 points below ReLU/);
    assert.match(verdict(only([relu(0, 91), pea(0, 91)])), /ends level with ReLU/);
  });
});

test("sample has the deviation with n − 1, and none for one value", () => {
  assert.deepEqual(sample([1, 2, 3, 4]), { count: 4, mean: 2.5, deviation: Math.sqrt(5 / 3) });
  assert.equal(sample([1]).deviation, null);
});

test("standardError is the binomial one, in points", () => {
  assert.equal(standardError(90, 10_000), 0.3);
});
