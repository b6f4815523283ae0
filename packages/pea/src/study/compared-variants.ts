/**
 * The variants of a network beside each other, and what is said of them in tables.
 *
 * @module
 */
import type { Comparison, ComparisonOptions } from "../compare/compare.ts";
import { type ComparedScore, compareRuns, scoreNames } from "../compare/compare-runs.ts";
import type { Score, ScoredRun } from "../compare/outcomes.ts";
import type { Sample } from "../compare/statistics/index.ts";
import { conclusionOf, fixed, markdownTable, meanAndSpread, probability, signed } from "../compare/words.ts";

/** One of them, over its seeds. */
export interface ComparedVariant {
  name: string;
  runs: number;
  scores: Readonly<Record<Score, ComparedScore>>;
}

/** Those of a network. */
interface Variants {
  readonly variants: readonly ComparedVariant[];
}

/** Compares runs of several variants with ReLU, and with the reference where there is one. */
export function variantsOf(runs: readonly ScoredRun[], options: ComparisonOptions): ComparedVariant[] {
  return [...compareRuns(runs, options)].map(([name, scores]) => ({
    name,
    runs: runs.filter(({ variant }) => variant === name).length,
    scores,
  }));
}

/** The variants against another than ReLU. */
export function againstReference(group: Variants, reference: string): string[] {
  const shown = scoreNames.filter((score) => group.variants.some(({ scores }) => scores[score].sample));
  const rows = group.variants
    .filter(({ name }) => name !== reference)
    .map(({ name, scores }) => [
      name,
      ...shown.map((score) => difference(scores[score].against)),
      conclusion(scores.best.against, scores.last.against),
    ]);
  return [
    `Against ${reference}, with a correction of its own:`,
    markdownTable(["Variant", ...shown.map((score) => `Δ, ${score}`), "Conclusion"], rows),
    ...detailsOf(group, "against"),
  ];
}

/** The tests in figures, where there is anything to test. */
export function detailsOf({ variants }: Variants, which: "comparison" | "against"): string[] {
  const rows = variants.flatMap(({ name, scores }) =>
    scoreNames.flatMap((score) => {
      const comparison = scores[score][which];
      return comparison?.paired ? [[name, score, ...figuresOf(comparison)]] : [];
    }),
  );
  if (rows.length === 0) return [];
  const head = [
    "Variant",
    "Score",
    "p, paired",
    "p, Holm",
    "p, Welch",
    "Above on",
    "Correlation",
    "Smallest detectable",
    which === "comparison" ? "ReLU, same epochs" : "Reference, same epochs",
  ];
  return [markdownTable(head, rows)];
}

function figuresOf(comparison: Comparison): string[] {
  const { paired, adjustedP, welch, above, seeds, correlation, smallestDifference } = comparison;
  const orDash = <T>(value: T | null | undefined, format: (value: T) => string) =>
    value === null || value === undefined ? "–" : format(value);
  return [
    orDash(paired?.p, probability),
    orDash(adjustedP, probability),
    orDash(welch?.p, probability),
    `${above} of ${seeds.length}`,
    orDash(correlation, fixed),
    orDash(smallestDifference, fixed),
    meanAndSpread(comparison.referenceScore),
  ];
}

/** What can be said of a variant by both scores, in words. */
export function conclusion(best: Comparison | null, last: Comparison | null): string {
  const words = { ...(best && { best: conclusionOf(best) }), ...(last && { last: conclusionOf(last) }) };
  const [first, ...others] = Object.values(words);
  if (first === undefined) return "nothing can be concluded: no partner of the same seed";
  if (others.every((other) => other === first)) return first;
  return Object.entries(words)
    .map(([score, word]) => `${score}: ${word}`)
    .join("; ");
}

/** Mean and spread of scores in a cell. */
export const score = (value: Sample | null): string => (value === null ? "–" : meanAndSpread(value));

/** A difference with its interval in a cell. */
export function difference(comparison: Comparison | null): string {
  if (comparison === null) return "–";
  const { paired, difference } = comparison;
  const interval = paired ? ` [${signed(paired.interval[0])}, ${signed(paired.interval[1])}]` : "";
  return signed(difference.mean) + interval;
}
