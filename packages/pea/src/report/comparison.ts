/**
 * What a comparison of runs says about PEA against ReLU, in words, with its sample size.
 * @module
 */
import { baselineName, type Comparison } from "../study/compare.ts";
import type { Sample } from "../study/statistics/index.ts";

export { baselineName, type Comparison, compareWithBaseline, type Outcome } from "../study/compare.ts";
export { type Sample, sample, standardError } from "../study/statistics/index.ts";

/** The comparison in a few sentences, with what can be concluded from it: of one seed, nothing. */
export function verdict(comparison: Comparison): string {
  const { variant, difference, baseline, accuracy, above } = comparison;
  const { count, mean } = difference;
  const size = Math.abs(mean).toFixed(2);
  const direction = mean > 0 ? `${size} points above` : mean < 0 ? `${size} points below` : "level with";
  const numbers = `${percent(accuracy)} against ${percent(baseline)} on the test images`;
  const start = `${variant} ends ${direction} ${baselineName}: ${numbers}.`;
  if (count === 1) return `${start} One seed: nothing can be concluded.`;
  return (
    `${start} ${variant} is above on ${above} of ${count} seeds; the difference by seed is ` +
    `${signed(mean)} ± ${(difference.deviation as number).toFixed(2)} points. ${conclusion(comparison)}`
  );
}

function conclusion({ paired, welch, adjustedP, tests, smallestDifference, ...rest }: Comparison): string {
  if (paired === null || adjustedP === null)
    return "It is the same on every seed, so that there is no spread to test it against: nothing can be concluded.";
  const [lower, upper] = paired.interval;
  const figures = [
    `95 % interval ${signed(lower)} to ${signed(upper)}`,
    `paired t-test ${probability(paired.p)}`,
    ...(tests > 1 ? [`corrected for ${tests} variants ${probability(adjustedP)}`] : []),
    ...(welch ? [`Welch test ${probability(welch.p)}`] : []),
  ].join(", ");
  return rest.conclusion === "undecided"
    ? `The seeds do not carry this difference (${figures}); they would show one of ` +
        `${(smallestDifference as number).toFixed(2)} points four times in five.`
    : `The seeds carry this difference (${figures}).`;
}

/** `91.26 %`, over several seeds with the standard deviation: `91.26 ± 0.14 %`. */
export function percent({ mean, deviation }: Sample): string {
  return deviation === null ? `${mean.toFixed(2)} %` : `${mean.toFixed(2)} ± ${deviation.toFixed(2)} %`;
}

/** With its sign, two decimals. */
export function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
}

/** `p = 0.023`, two figures; below 0.0001 only that. */
function probability(p: number): string {
  return p < 1e-4 ? "p below 0.0001" : `p = ${Number(p.toPrecision(2))}`;
}
