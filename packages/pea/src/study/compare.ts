/**
 * Variants of one network against its ReLU baseline, over seeds.
 *
 * Runs are paired by seed: the same initial weights, order of the samples and augmentation. The paired t-test decides;
 * Welch's, which takes the runs for independent, stands beside it with the correlation that tells which of them fits.
 *
 * @module
 */
import { baselineName } from "../methods/variant-name.ts";
import {
  correlation,
  holm,
  LEVEL,
  pairedTest,
  type Sample,
  sample,
  smallestDifference,
  type TTest,
  welchTest,
} from "./statistics/index.ts";

export { baselineName };

/** A finished run, as far as it is compared. */
export interface Outcome {
  /** `ReLU`, a variant code such as `SM75%`, or the name of a smooth activation (upper limit). */
  variant: string;
  seed: number;
  /** Score on the test images in percent: top-1 or mIoU. */
  testAccuracy: number;
  /** Of the baseline run of the same seed, where it is another for this comparison than that run's own score. */
  baselineAccuracy?: number;
}

/** A variant against the baseline, over the seeds both were trained with. */
export interface Comparison {
  variant: string;
  seeds: number[];
  baseline: Sample;
  accuracy: Sample;
  /** Differences in points, variant minus baseline, seed by seed. */
  differences: number[];
  difference: Sample;
  /** Number of seeds on which the variant is above the baseline. */
  above: number;
  /** Null where there is nothing to test against: one seed, or no spread. The same holds for what follows. */
  paired: TTest | null;
  welch: TTest | null;
  /** Of the paired runs; null below three. */
  correlation: number | null;
  /** p of the paired test after Holm's correction for all variants that were compared. */
  adjustedP: number | null;
  /** Number of tests the correction is for. */
  tests: number;
  /** The smallest true difference, in points, that the paired test finds with a probability of 0.8. */
  smallestDifference: number | null;
  /** What the seeds carry at the level 0.05, corrected: on one seed, nothing. */
  conclusion: "above" | "below" | "undecided";
}

/**
 * Compares every variant with the baseline; runs without a partner of the same seed are left out.
 *
 * @param outcomes runs of one network on one data set; all their variants count in the correction
 */
export function compareWithBaseline(outcomes: readonly Outcome[]): Comparison[] {
  const baselines = new Map(
    outcomes.filter(({ variant }) => variant === baselineName).map((run) => [run.seed, run.testAccuracy]),
  );
  const variants = new Set(
    outcomes.map(({ variant }) => variant).filter((variant) => variant !== baselineName),
  );
  const pairs = [...variants]
    .map((variant) => ({
      variant,
      runs: outcomes.filter((run) => run.variant === variant && baselines.has(run.seed)),
    }))
    .filter(({ runs }) => runs.length > 0);
  const comparisons = pairs.map(({ variant, runs }) =>
    compare(
      variant,
      runs,
      runs.map(({ seed, baselineAccuracy }) => baselineAccuracy ?? (baselines.get(seed) as number)),
    ),
  );
  const tested = comparisons.flatMap(({ paired }) => paired ?? []);
  const adjusted = new Map(holm(tested.map(({ p }) => p)).map((p, i) => [tested[i], p]));
  return comparisons.map((comparison) => {
    const { paired } = comparison;
    const adjustedP = (paired && adjusted.get(paired)) ?? null;
    return { ...comparison, adjustedP, tests: tested.length, conclusion: conclude(paired, adjustedP) };
  });
}

function compare(
  variant: string,
  runs: readonly Outcome[],
  baselines: readonly number[],
): Omit<Comparison, "adjustedP" | "tests" | "conclusion"> {
  const accuracies = runs.map(({ testAccuracy }) => testAccuracy);
  const differences = accuracies.map((accuracy, i) => accuracy - (baselines[i] as number));
  const paired = pairedTest(accuracies, baselines);
  return {
    variant,
    seeds: runs.map(({ seed }) => seed),
    baseline: sample(baselines),
    accuracy: sample(accuracies),
    differences,
    difference: sample(differences),
    above: differences.filter((difference) => difference > 0).length,
    paired,
    welch: welchTest(accuracies, baselines),
    correlation: correlation(accuracies, baselines),
    smallestDifference: paired && smallestDifference(paired),
  };
}

function conclude(paired: TTest | null, adjustedP: number | null): Comparison["conclusion"] {
  if (paired === null || adjustedP === null || adjustedP >= LEVEL) return "undecided";
  return paired.difference > 0 ? "above" : "below";
}
