import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  correlation,
  holm,
  pairedTest,
  sample,
  smallestDifference,
  standardError,
  type TTest,
  welchTest,
} from "../../../src/compare/statistics/index.ts";

/** The two data sets of the specification (recipes 7.4): five baselines and five runs with PEA. */
const first = {
  relu: [60.7, 60.81, 60.66, 60.79, 60.74],
  pea: [61.49, 61.63, 61.55, 61.6, 61.58],
};
const second = {
  relu: [70.2, 70.35, 70.28, 70.41, 70.31],
  pea: [70.46, 70.52, 70.39, 70.6, 70.58],
};

/** Asserts that a value prints as the specification prints it. */
function assertPrints(value: number, printed: string) {
  const decimals = /\.(\d+)/.exec(printed)?.[1]?.length ?? 0;
  const text = printed.includes("e") ? value.toExponential(decimals) : value.toFixed(decimals);
  assert.equal(text, printed);
}

function assertTest(test: TTest | null, expected: { t: string; degrees: string; p: string }) {
  assert.ok(test !== null);
  assertPrints(test.t, expected.t);
  assertPrints(test.degrees, expected.degrees);
  assertPrints(test.p, expected.p);
}

describe("sample", () => {
  test("has the mean, and the deviation with n − 1", () => {
    assert.deepEqual(sample([1, 2, 3, 4]), { count: 4, mean: 2.5, deviation: Math.sqrt(5 / 3) });
    for (const [values, mean, variance] of [
      [first.relu, "60.74", "0.00385"],
      [first.pea, "61.57", "0.00285"],
      [second.relu, "70.31", "0.00615"],
      [second.pea, "70.51", "0.00750"],
    ] as const) {
      const seen = sample(values);
      assertPrints(seen.mean, mean);
      assertPrints((seen.deviation as number) ** 2, variance);
    }
  });

  test("has no deviation for one value", () => {
    assert.deepEqual(sample([91.5]), { count: 1, mean: 91.5, deviation: null });
  });
});

describe("the t-tests", () => {
  test("Welch's, as in the specification", () => {
    assertTest(welchTest(first.pea, first.relu), { t: "22.673872", degrees: "7.825670", p: "2.0257e-8" });
    assertTest(welchTest(second.pea, second.relu), { t: "3.827795", degrees: "7.922507", p: "0.0051265" });
  });

  test("the paired one, as in the specification", () => {
    const test = pairedTest(first.pea, first.relu) as TTest;
    assertTest(test, { t: "48.739278", degrees: "4", p: "1.0603e-6" });
    assertPrints(test.difference, "0.83");
    assertPrints(test.standardError * Math.sqrt(5), "0.0380789");
    assertPrints((test.interval[1] - test.interval[0]) / 2, "0.0472812");
    assertPrints(test.interval[0], "0.7827188");
    const other = pairedTest(second.pea, second.relu) as TTest;
    assertTest(other, { t: "6.741999", degrees: "4", p: "0.0025226" });
    assertPrints(other.standardError * Math.sqrt(5), "0.0663325");
  });

  test("a loss has the same size with the other sign", () => {
    const gain = pairedTest(first.pea, first.relu) as TTest;
    const loss = pairedTest(first.relu, first.pea) as TTest;
    assert.equal(loss.t, -gain.t);
    assert.equal(loss.p, gain.p);
    assert.deepEqual(loss.interval, [-gain.interval[1], -gain.interval[0]]);
  });

  test("Welch's takes samples of different sizes", () => {
    const test = welchTest([1, 2, 3, 4], [1, 3]) as TTest;
    assert.ok(Math.abs(test.standardError - Math.sqrt(5 / 12 + 1)) < 1e-15);
  });

  test("there is none for one seed", () => {
    assert.equal(pairedTest([91], [90]), null);
    assert.equal(welchTest([91], [90]), null);
    assert.equal(welchTest([91], [90, 91]), null);
  });

  test("there is none without spread, rounding aside", () => {
    assert.equal(pairedTest([90.2, 91.3, 92.4], [90.1, 91.2, 92.3]), null);
    assert.equal(pairedTest([90, 91], [90, 91]), null);
    assert.equal(welchTest([91, 91], [90, 90]), null);
  });
});

describe("correlation", () => {
  test("is Pearson's", () => {
    assert.equal(correlation([1, 2, 3], [10, 20, 30]), 1);
    assert.equal(correlation([1, 2, 3], [3, 2, 1]), -1);
    // 0.6 exactly: Σxy = 3, Σx² = Σy² = 5 about the means.
    assert.equal((correlation([1, 2, 3, 4], [1, 4, 2, 3]) as number).toFixed(12), "0.400000000000");
  });

  test("is not given for two pairs, or where a side does not vary", () => {
    assert.equal(correlation([1, 2], [1, 2]), null);
    assert.equal(correlation([1, 1, 1], [1, 2, 3]), null);
  });
});

describe("holm", () => {
  test("multiplies the smallest by all, the next by one less, and never lets one fall below another", () => {
    assert.deepEqual(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02]);
    assert.deepEqual(holm([0.02, 0.9, 0.4]), [0.06, 0.9, 0.8]);
  });

  test("stays within 1, keeps a single value, and takes none", () => {
    assert.deepEqual(holm([0.6, 0.7]), [1, 1]);
    assert.deepEqual(holm([0.04]), [0.04]);
    assert.deepEqual(holm([]), []);
  });
});

describe("the smallest difference that the seeds can show", () => {
  // In units of the deviation: one arm's for independent runs, the differences' for pairs.
  const independent = (runs: number) =>
    smallestDifference({ standardError: Math.sqrt(2 / runs), degrees: 2 * runs - 2 });
  const paired = (pairs: number) =>
    smallestDifference({ standardError: 1 / Math.sqrt(pairs), degrees: pairs - 1 });

  test("by the number of runs, as in the specification", () => {
    for (const [runs, ofRuns, ofPairs] of [
      [3, "3.07", "3.26"],
      [5, "2.02", "1.68"],
      [10, "1.32", "1.00"],
      [20, "0.91", "0.66"],
    ] as const) {
      assertPrints(independent(runs), ofRuns);
      assertPrints(paired(runs), ofPairs);
    }
  });

  test("at the level that a correction for sixteen tests leaves", () => {
    // By integrating the noncentral t distribution: 7.9710 and 22.6898 standard errors.
    assertPrints(smallestDifference({ standardError: 1, degrees: 4 }, 0.05 / 16), "7.971");
    assertPrints(smallestDifference({ standardError: 1, degrees: 2 }, 0.05 / 16), "22.690");
  });

  // Where the errata in docs/deviations.md correct a figure, theirs: 253, 143/73, and 2/3 for ten deviations.
  test("and the runs needed for a difference, as in the specification", () => {
    const needed = (smallest: (runs: number) => number, difference: number) => {
      let runs = 2;
      while (smallest(runs) > difference) runs++;
      return runs;
    };
    const ratios = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4];
    assert.deepEqual(
      ratios.map((ratio) => needed(independent, ratio)),
      [253, 64, 29, 17, 12, 9, 6, 4, 4, 3],
    );
    assert.deepEqual(
      ratios.map((ratio) => needed(paired, ratio)),
      [128, 34, 16, 10, 8, 6, 5, 4, 4, 3],
    );
    // Rows: the deviation between seeds; columns: the difference, both in points. Runs per arm / pairs.
    const differences = [0.1, 0.2, 0.3, 0.5, 0.8];
    for (const [deviation, runs] of [
      [0.05, "6/5 3/3 2/3 2/3 2/2"],
      [0.1, "17/10 6/5 4/4 3/3 2/3"],
      [0.15, "37/20 10/7 6/5 3/3 3/3"],
      [0.2, "64/34 17/10 9/6 4/4 3/3"],
      [0.3, "143/73 37/20 17/10 7/6 4/4"],
    ] as const)
      assert.equal(
        differences
          .map((difference) => difference / deviation)
          .map((ratio) => `${needed(independent, ratio)}/${needed(paired, ratio)}`)
          .join(" "),
        runs,
      );
  });
});

test("the standard error of one score is the binomial one, in points", () => {
  assert.equal(standardError(90, 10_000), 0.3);
  assertPrints(standardError(70, 50_000), "0.205");
  assertPrints(standardError(92, 10_000), "0.271");
});
