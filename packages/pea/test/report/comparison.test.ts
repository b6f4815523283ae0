import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compareVariants, type Outcome } from "../../src/compare/compare.ts";
import { percent, verdict } from "../../src/report/comparison.ts";

/** The verdict on a variant: scores of ReLU and of the variant on seeds 0, 1, … */
function verdictOn(relu: readonly number[], pea: readonly number[], others: readonly Outcome[] = []) {
  const runs = (variant: string, accuracies: readonly number[]) =>
    accuracies.map((testScore, seed) => ({ variant, seed, testScore }));
  const [comparison] = compareVariants([...runs("ReLU", relu), ...runs("SM75%", pea), ...others]);
  assert.ok(comparison);
  return verdict(comparison);
}

test("one seed concludes nothing", () => {
  assert.equal(
    verdictOn([90], [91]),
    "SM75% ends 1.00 points above ReLU: 91.00 % against 90.00 % on the test images. One seed: nothing can be concluded.",
  );
});

describe("several seeds", () => {
  test("give the spread, the count, the interval and both tests", () => {
    assert.equal(
      verdictOn([60.7, 60.81, 60.66, 60.79, 60.74], [61.49, 61.63, 61.55, 61.6, 61.58]),
      "SM75% ends 0.83 points above ReLU: 61.57 ± 0.05 % against 60.74 ± 0.06 % on the test images. SM75% is above on " +
        "5 of 5 seeds; the difference by seed is +0.83 ± 0.04 points. The seeds carry this difference (95 % interval " +
        "+0.78 to +0.88, paired t-test p < 0.0001, Welch test p < 0.0001).",
    );
  });

  test("say that they do not carry a difference, and which one they would show", () => {
    assert.match(
      verdictOn([90, 92, 91], [91, 91.5, 91]),
      // Differences 1, −0.5 and 0; 3.26 of their deviations (specification, recipes 7.3) are 2.49 points.
      /^SM75% ends 0\.17 points above ReLU: 91\.17 ± 0\.29 % against 91\.00 ± 1\.00 % on the test images\. SM75% is above on 1 of 3 seeds; the difference by seed is \+0\.17 ± 0\.76 points\. The seeds do not carry this difference \(95 % interval −1\.73 to \+2\.06, paired t-test p = 0\.74, Welch test p = 0\.8\); they would show one of 2\.49 points four times in five\.$/,
    );
  });

  test("conclude nothing where there are two", () => {
    assert.match(
      verdictOn([90, 92], [91, 91.5]),
      /points\. Nothing can be concluded: two seeds \(95 % interval /,
    );
  });

  test("tell the correction where several variants are compared", () => {
    const other = [90, 91, 90.4].map((testScore, seed) => ({ variant: "WG75%", seed, testScore }));
    assert.match(
      verdictOn([90, 91, 90.6], [91, 91.5, 91.4], other),
      /paired t-test p = 0\.034, corrected for 2 variants p = 0\.068, Welch/,
    );
  });

  test("without spread conclude nothing", () => {
    assert.match(verdictOn([90, 91], [91, 92]), /no spread to test it against: nothing can be concluded\.$/);
  });

  test("say so when PEA loses or is level", () => {
    assert.match(verdictOn([91], [90.5]), /0\.50 points below ReLU/);
    assert.match(verdictOn([91], [91]), /ends level with ReLU/);
  });
});

test("percent gives the deviation where there is one", () => {
  assert.equal(percent({ count: 3, mean: 91.256, deviation: 0.141 }), "91.26 ± 0.14 %");
  assert.equal(percent({ count: 1, mean: 91.256, deviation: null }), "91.26 %");
});
