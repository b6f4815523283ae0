/**
 * What a comparison of runs says, in words, with its sample size.
 * @module
 */
import type { Comparison } from "../compare/compare.ts";
import type { Sample } from "../compare/statistics/index.ts";
import { conclusionOf, meanAndSpread, probability, signed } from "../compare/words.ts";

/** The comparison in a few sentences, with what can be concluded from it: of one seed, nothing. */
export function verdict(comparison: Comparison): string {
  const { variant, reference, difference, referenceScore, score, above } = comparison;
  const { count, mean } = difference;
  const size = Math.abs(mean).toFixed(2);
  const direction = mean > 0 ? `${size} points above` : mean < 0 ? `${size} points below` : "level with";
  const numbers = `${percent(score)} against ${percent(referenceScore)} on the test images`;
  const start = `${variant} ends ${direction} ${reference}: ${numbers}.`;
  if (count === 1) return `${start} One seed: nothing can be concluded.`;
  return (
    `${start} ${variant} is above on ${above} of ${count} seeds; the difference by seed is ` +
    `${signed(mean)} ± ${(difference.deviation as number).toFixed(2)} points. ${conclusion(comparison)}`
  );
}

function conclusion(comparison: Comparison): string {
  const { paired, welch, adjustedP, tests, smallestDifference, obstacle } = comparison;
  if (paired === null || adjustedP === null)
    return "It is the same on every seed, so that there is no spread to test it against: nothing can be concluded.";
  const [lower, upper] = paired.interval;
  const figures = [
    `95 % interval ${signed(lower)} to ${signed(upper)}`,
    `paired t-test ${p(paired.p)}`,
    ...(tests > 1 ? [`corrected for ${tests} variants ${p(adjustedP)}`] : []),
    ...(welch ? [`Welch test ${p(welch.p)}`] : []),
  ].join(", ");
  if (obstacle !== null) return `${capitalized(conclusionOf(comparison))} (${figures}).`;
  if (comparison.conclusion !== "undecided") return `The seeds carry this difference (${figures}).`;
  const reach =
    smallestDifference === null
      ? ""
      : `; they would show one of ${smallestDifference.toFixed(2)} points four times in five`;
  return `The seeds do not carry this difference (${figures})${reach}.`;
}

/** `91.26 %`, over several seeds with the standard deviation: `91.26 ± 0.14 %`. */
export function percent(score: Sample): string {
  return `${meanAndSpread(score)} %`;
}

const p = (value: number): string => `p ${value < 1e-4 ? "" : "= "}${probability(value)}`;

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
