import assert from "node:assert/strict";
import { test } from "node:test";
import { uniform } from "../random.ts";
import { estimate, geometricMean, median, quantile } from "../statistics.ts";

test("quantiles interpolate between the two nearest values", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(quantile([0, 10], 0.1), 1);
  assert.ok(Math.abs(geometricMean([1, 4, 16]) - 4) < 1e-12);
});

test("an estimate is the median; of few values the interval is their range", () => {
  assert.deepEqual(estimate([[3, 1, 2]]), { value: 2, interval: [1, 3] });
  assert.deepEqual(estimate([[7]]), { value: 7, interval: [7, 7] });
  assert.deepEqual(estimate([[5, 4, 3, 2, 1]]).interval, [1, 5]);
});

test("the interval of many values leaves out the extremes and is the same each time", () => {
  const values = Array.from({ length: 15 }, (_, index) => index);
  const { value, interval } = estimate([values]);
  assert.equal(value, 7);
  // By the binomial distribution, the fourth value from either end bounds the median with 96.5 %, the fifth with 88 %.
  assert.ok(interval[0] >= 3 && interval[0] <= 4 && interval[1] >= 10 && interval[1] <= 11, String(interval));
  assert.deepEqual(estimate([values]).interval, interval);
});

test("the interval holds the true median about as often as it says", () => {
  const random = uniform(7);
  const trials = 300;
  let held = 0;
  for (let trial = 0; trial < trials; trial++) {
    const [low, high] = estimate([Array.from({ length: 15 }, random)]).interval;
    if (low <= 0.5 && 0.5 <= high) held++;
  }
  assert.ok(held > 0.9 * trials && held < 0.99 * trials, `${held} of ${trials}`);
});

test("medians of several samples are combined, and the noise of each counts", () => {
  const { value, interval } = estimate([[1, 2, 4], [8]], geometricMean);
  assert.ok(Math.abs(value - 4) < 1e-12);
  assert.ok(Math.abs(interval[0] - Math.sqrt(8)) < 1e-12 && Math.abs(interval[1] - Math.sqrt(32)) < 1e-12);
});

for (const sample of [[1, Number.NaN], [Number.POSITIVE_INFINITY], []])
  test(`there is no estimate from [${sample}]`, () => {
    assert.throws(() => estimate([sample]), /has no median/);
  });
