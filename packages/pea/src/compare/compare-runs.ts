/**
 * The runs of one network, variant by variant: scores, and what the seeds say about them.
 *
 * @module
 */
import { baselineName } from "../methods/variant-name.ts";
import { type Comparison, type ComparisonOptions, compareVariants } from "./compare.ts";
import { groupBy } from "./group-by.ts";
import { outcomesOf, type Score, type ScoredRun } from "./outcomes.ts";
import { type Sample, sample } from "./statistics/index.ts";

/** The kinds of scores, in the order of the tables. */
export const scoreNames: readonly Score[] = ["best", "last"];

/** A variant by one kind of score. */
export interface ComparedScore {
  /** Of all its runs; null where none has this score: no whole epoch lay in the final phase. */
  sample: Sample | null;
  /** With ReLU; null for ReLU itself, and without a ReLU run of the same seed. */
  comparison: Comparison | null;
  /** With the variant that a study compares the others with besides; null for itself and where there is none. */
  against: Comparison | null;
}

/** Compares the runs of one network on one data set; variants in the order of their first runs. */
export function compareRuns(
  runs: readonly ScoredRun[],
  { reference, isFinished }: ComparisonOptions = {},
): Map<string, Readonly<Record<Score, ComparedScore>>> {
  const ofScore = (score: Score) => {
    const compared = (name: string) =>
      new Map(
        compareVariants(outcomesOf(runs, score, name), { reference: name, isFinished }).map((item) => [
          item.variant,
          item,
        ]),
      );
    const comparisons = compared(baselineName);
    const others = reference === undefined ? null : compared(reference);
    return (variant: string, ofVariant: readonly ScoredRun[]): ComparedScore => {
      const values = ofVariant.flatMap(({ test }) => test[score] ?? []);
      return {
        sample: values.length > 0 ? sample(values) : null,
        comparison: comparisons.get(variant) ?? null,
        against: others?.get(variant) ?? null,
      };
    };
  };
  const [best, last] = [ofScore("best"), ofScore("last")];
  return new Map(
    [...groupBy(runs, ({ variant }) => variant)].map(([variant, ofVariant]) => [
      variant,
      { best: best(variant, ofVariant), last: last(variant, ofVariant) },
    ]),
  );
}
