import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compareVariants } from "../../src/compare/compare.ts";

const relu = (seed: number, testScore: number) => ({ variant: "ReLU", seed, testScore });
const pea = (seed: number, testScore: number) => ({ variant: "SM75%", seed, testScore });

function only(outcomes: Parameters<typeof compareVariants>[0]) {
  const comparisons = compareVariants(outcomes);
  assert.equal(comparisons.length, 1);
  return comparisons[0] as (typeof comparisons)[number];
}

/** Runs of a variant on seeds 0, 1, … */
const runs = (variant: string, accuracies: readonly number[]) =>
  accuracies.map((testScore, seed) => ({ variant, seed, testScore }));

describe("pairs", () => {
  test("are made by seed, in any order", () => {
    const comparison = only([pea(1, 92), relu(0, 90), relu(1, 91.5), pea(0, 91)]);
    assert.deepEqual(comparison.seeds, [1, 0]);
    assert.deepEqual(comparison.differences, [0.5, 1]);
    assert.equal(comparison.difference.mean, 0.75);
    assert.equal(comparison.above, 2);
  });

  test("leave out a run without a partner of the same seed", () => {
    const comparison = only([relu(0, 90), pea(0, 91), pea(1, 99)]);
    assert.deepEqual(comparison.seeds, [0]);
    assert.equal(comparison.score.mean, 91);
  });

  test("are made for each variant, and for none without a baseline", () => {
    const names = compareVariants([relu(0, 90), pea(0, 91), { ...pea(0, 92), variant: "mish" }]);
    assert.deepEqual(
      names.map(({ variant }) => variant),
      ["SM75%", "mish"],
    );
    assert.deepEqual(compareVariants([pea(0, 91)]), []);
  });
});

describe("what the seeds carry", () => {
  const baseline = [60.7, 60.81, 60.66, 60.79, 60.74];

  test("a difference well beyond the spread, by both tests (figures of the specification, recipes 7.4)", () => {
    const comparison = only([...runs("ReLU", baseline), ...runs("WG90", [61.49, 61.63, 61.55, 61.6, 61.58])]);
    assert.equal(comparison.conclusion, "above");
    assert.equal(comparison.paired?.p.toExponential(4), "1.0603e-6");
    assert.equal(comparison.welch?.p.toExponential(4), "2.0257e-8");
    assert.equal(comparison.adjustedP, comparison.paired?.p);
    assert.equal(comparison.tests, 1);
    // 3.761 standard errors at four degrees of freedom, of 0.0170 points each.
    assert.equal(comparison.smallestDifference?.toFixed(4), "0.0640");
    // Σxy/√(Σx²·Σy²) = 0.0105/√(0.0154·0.0114) about the means.
    assert.equal(comparison.correlation?.toFixed(6), (0.0105 / Math.sqrt(0.0154 * 0.0114)).toFixed(6));
  });

  test("a loss as much as a gain", () => {
    const comparison = only([...runs("ReLU", baseline), ...runs("WM90", [60.1, 60.22, 60.05, 60.2, 60.13])]);
    assert.equal(comparison.conclusion, "below");
  });

  test("not a difference within the spread", () => {
    const comparison = only([...runs("ReLU", baseline), ...runs("WM90", [60.9, 60.7, 60.8, 60.6, 60.95])]);
    assert.equal(comparison.conclusion, "undecided");
    assert.ok((comparison.adjustedP as number) > 0.05);
  });

  test("nothing on one seed, and nothing where all seeds differ by the same", () => {
    for (const outcomes of [
      [relu(0, 90), pea(0, 95)],
      [relu(0, 90), pea(0, 91), relu(1, 91), pea(1, 92)],
    ]) {
      const { conclusion, paired, adjustedP, tests, smallestDifference, correlation } = only(outcomes);
      assert.equal(conclusion, "undecided");
      assert.deepEqual(
        [paired, adjustedP, tests, smallestDifference, correlation],
        [null, null, 0, null, null],
      );
    }
  });

  test("not a difference that one of many variants shows by chance", () => {
    const difference = [0.1, 0.2, 0.05, 0.3, 0.1];
    const lucky = runs(
      "SM90",
      baseline.map((value, i) => value + (difference[i] as number)),
    );
    const alone = only([...runs("ReLU", baseline), ...lucky]);
    assert.equal(alone.conclusion, "above");
    const others = ["SG115", "SG90", "SS115", "SS90", "SM115"].flatMap((variant) =>
      runs(variant, [60.8, 60.7, 60.8, 60.65, 60.75]),
    );
    const among = compareVariants([...runs("ReLU", baseline), ...lucky, ...others]).find(
      ({ variant }) => variant === "SM90",
    );
    assert.equal(among?.paired?.p, alone.paired?.p);
    assert.equal(among?.adjustedP, 6 * (alone.paired?.p as number));
    assert.equal(among?.conclusion, "undecided");
  });
});
