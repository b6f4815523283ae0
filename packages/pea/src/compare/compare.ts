/**
 * Variants of one network against ReLU, or against another of them, over seeds.
 *
 * Runs are paired by seed: the same initial weights, order of the samples and augmentation. The paired t-test is the one
 * that decides, chosen beforehand (specification, recipes 7.4); Welch's, which takes the runs for independent, stands
 * beside it.
 *
 * @module
 */
import { baselineName } from "../methods/variant-name.ts";
import { groupBy } from "./group-by.ts";
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

/** A finished run, as far as it is compared. */
export interface Outcome {
  /** `ReLU`, a variant code such as `SM75%`, or the name of a smooth activation (upper limit). */
  variant: string;
  seed: number;
  /** Score on the test images in percent: top-1 or mIoU. */
  testScore: number;
  /** With the reference's run of the same seed, where others than their own scores are compared. */
  pair?: Pair;
}

/** Test scores of two runs of one seed. */
export interface Pair {
  own: number;
  reference: number;
  /** Whether both models were chosen from the same epochs, so that neither had more to choose from. */
  isChosenAlike: boolean;
}

/** A variant against a reference, over the seeds both were trained with. */
export interface Comparison {
  variant: string;
  /** `ReLU`, or another variant. */
  reference: string;
  seeds: number[];
  referenceScore: Sample;
  score: Sample;
  /** Differences in points, variant minus reference, seed by seed. */
  differences: number[];
  difference: Sample;
  /** Number of seeds on which the variant is above the reference. */
  above: number;
  isChosenAlike: boolean;
  /** Null where there is nothing to test against: one seed, or no spread. The same holds for what follows. */
  paired: TTest | null;
  welch: TTest | null;
  /** Of the paired runs; null below three. */
  correlation: number | null;
  /** p of the paired test after Holm's correction for all variants that were compared. */
  adjustedP: number | null;
  /** Number of tests the correction is for. */
  tests: number;
  /**
   * The smallest true difference, in points, that the paired test shows with a probability of 0.8 whatever comes of the
   * others it is corrected with: at the level 0.05/tests. Null below three pairs, whose spread says nothing.
   */
  smallestDifference: number | null;
  /** What stands in the way of any conclusion; null: nothing does. */
  obstacle: "one seed" | "two seeds" | "no spread" | "the study is not finished" | null;
  /** What the seeds carry at the level 0.05, corrected. */
  conclusion: "above" | "below" | "undecided";
}

/** How outcomes are compared. */
export interface ComparisonOptions {
  /** The variant that the others are compared with. */
  reference?: string;
  /** Whether all runs that were planned are there: who concludes before, and goes on until he likes it, fools himself. */
  isFinished?: boolean;
}

/** Pairs below which nothing is concluded (specification, recipes 7.3). */
const FEWEST_PAIRS = 3;

/**
 * Compares every variant with the reference; runs without a partner of the same seed are left out.
 *
 * @param outcomes runs of one network on one data set; all their variants count in the correction
 */
export function compareVariants(
  outcomes: readonly Outcome[],
  { reference = baselineName, isFinished = true }: ComparisonOptions = {},
): Comparison[] {
  const partners = new Map(
    outcomes.filter(({ variant }) => variant === reference).map((run) => [run.seed, run.testScore]),
  );
  const paired = outcomes.flatMap(({ variant, seed, testScore, pair }) => {
    const partner = partners.get(seed);
    if (variant === reference || partner === undefined) return [];
    return [{ variant, seed, ...(pair ?? { own: testScore, reference: partner, isChosenAlike: true }) }];
  });
  const compared = [...groupBy(paired, ({ variant }) => variant)].map(([variant, pairs]) => ({
    variant,
    reference,
    ...comparePairs(pairs),
  }));
  const tested = compared.flatMap(({ paired }) => paired ?? []);
  const adjusted = new Map(holm(tested.map(({ p }) => p)).map((p, i) => [tested[i], p]));
  return compared.map((comparison): Comparison => {
    const { paired, seeds } = comparison;
    const adjustedP = (paired && adjusted.get(paired)) ?? null;
    const obstacle = obstacleTo(seeds.length, paired, isFinished);
    return {
      ...comparison,
      adjustedP,
      tests: tested.length,
      smallestDifference:
        paired && seeds.length >= FEWEST_PAIRS ? smallestDifference(paired, LEVEL / tested.length) : null,
      obstacle,
      conclusion: obstacle === null ? conclude(paired, adjustedP) : "undecided",
    };
  });
}

type SeedPair = Pair & { seed: number };

function comparePairs(
  pairs: readonly SeedPair[],
): Omit<
  Comparison,
  "variant" | "reference" | "adjustedP" | "tests" | "smallestDifference" | "obstacle" | "conclusion"
> {
  const own = pairs.map((pair) => pair.own);
  const references = pairs.map((pair) => pair.reference);
  const differences = pairs.map((pair) => pair.own - pair.reference);
  return {
    seeds: pairs.map(({ seed }) => seed),
    referenceScore: sample(references),
    score: sample(own),
    differences,
    difference: sample(differences),
    above: differences.filter((difference) => difference > 0).length,
    isChosenAlike: pairs.every(({ isChosenAlike }) => isChosenAlike),
    paired: pairedTest(own, references),
    welch: welchTest(own, references),
    correlation: correlation(own, references),
  };
}

function obstacleTo(pairs: number, paired: TTest | null, isFinished: boolean): Comparison["obstacle"] {
  if (!isFinished) return "the study is not finished";
  if (pairs === 1) return "one seed";
  if (paired === null) return "no spread";
  return pairs < FEWEST_PAIRS ? "two seeds" : null;
}

function conclude(paired: TTest | null, adjustedP: number | null): Comparison["conclusion"] {
  if (paired === null || adjustedP === null || adjustedP >= LEVEL) return "undecided";
  return paired.difference > 0 ? "above" : "below";
}
