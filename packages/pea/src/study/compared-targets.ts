/**
 * Runs in the forms in integers that a study exports them to: how they compare there, and what tables say of it.
 *
 * @module
 */
import type { ComparisonOptions } from "../compare/compare.ts";
import type { Result } from "../compare/results.ts";
import { type Sample, sample } from "../compare/statistics/index.ts";
import { fixed, markdownTable, meanAndSpread } from "../compare/words.ts";
import { baselineName } from "../methods/variant-name.ts";
import {
  againstReference,
  type ComparedVariant,
  conclusion,
  detailsOf,
  difference,
  score,
  variantsOf,
} from "./compared-variants.ts";
import { isOfTarget, type StudyTarget } from "./study-file.ts";

/** The last models in a form in integers. */
export interface ComparedTarget {
  name: string;
  /** Runs that have not been exported to it yet. */
  missing: number;
  /** Test images that each was scored on. */
  images: readonly number[];
  /** Those with such a form. */
  variants: (ComparedVariant & {
    /** Points that are lost against floats. */
    loss: Sample & { most: number };
    /** Share of the images, or pixels, of which both name the same class, on average. */
    sameClass: number;
  })[];
}

/** Compares the last models of runs in a form in integers; those that have none are left out. */
export function compareTarget(
  target: StudyTarget,
  results: readonly Pick<Result, "variant" | "seed" | "targets">[],
  { isFinished = true, ...options }: ComparisonOptions,
): ComparedTarget {
  const { name } = target;
  const exported = results.flatMap(({ variant, seed, targets = {} }) => {
    const score = targets[name];
    return isOfTarget(score, target) ? [{ variant, seed, ...score }] : [];
  });
  const runs = exported.flatMap(({ variant, seed, score, loss = 0, sameClass = 0 }) =>
    score === null ? [] : [{ variant, seed, test: { best: null, last: score }, epochs: [], loss, sameClass }],
  );
  const missing = results.length - exported.length;
  return {
    name,
    missing,
    images: [...new Set(exported.flatMap(({ images }) => images ?? []))],
    variants: variantsOf(runs, { ...options, isFinished: isFinished && missing === 0 }).map((compared) => {
      const own = runs.filter(({ variant }) => variant === compared.name);
      const losses = own.map(({ loss }) => loss);
      return {
        ...compared,
        loss: { ...sample(losses), most: Math.max(...losses) },
        sameClass: sample(own.map(({ sameClass }) => sameClass)).mean,
      };
    }),
  };
}

/** The runs in a form in integers. */
export function targetSection(target: ComparedTarget, reference: string | null): string[] {
  return [
    `### In integers: ${target.name}`,
    ...(target.missing > 0
      ? [`**Not finished. Runs still to be exported: ${target.missing}.** Nothing can be concluded before.`]
      : []),
    `The last models, exported and scored on ${target.images.join(" or ")} test images. Lost: points against the same model in floats on the same images, and the ` +
      "most of any run; same class: the share of which both name it.",
    markdownTable(targetHead, targetRows(target)),
    ...detailsOf(target, "comparison"),
    ...(reference === null ? [] : againstReference(target, reference)),
  ];
}

/** Titles of the columns of `targetRows`. */
export const targetHead = ["Variant", "Seeds", "Integers", "Δ", "Lost", "Most", "Same class", "Conclusion"];

/** A row of text for each variant in a form in integers. */
export function targetRows({ variants }: Pick<ComparedTarget, "variants">): string[][] {
  return variants.map(({ name, runs, scores: { last }, loss, sameClass }) => [
    name,
    String(runs),
    score(last.sample),
    difference(last.comparison),
    meanAndSpread(loss),
    fixed(loss.most),
    fixed(sameClass),
    name === baselineName ? "" : conclusion(null, last.comparison),
  ]);
}
