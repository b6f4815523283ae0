/**
 * What a set of runs says about PEA against ReLU, with its sample size: means over seeds, and differences of runs
 * with the same seed.
 * @module
 */

/** A finished run, as far as it is compared. */
export interface Outcome {
  /** `ReLU`, a variant code such as `SM75%`, or the name of a smooth activation (upper limit). */
  variant: string;
  seed: number;
  /** Top-1 on the test images in percent. */
  testAccuracy: number;
}

/** Mean over `count` seeds; `deviation` is the sample standard deviation, null for one seed. */
export interface Sample {
  count: number;
  mean: number;
  deviation: number | null;
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
}

export const baselineName = "ReLU";

/** Mean and sample standard deviation of at least one value. */
export function sample(values: readonly number[]): Sample {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { count, mean, deviation: count > 1 ? Math.sqrt(squares / (count - 1)) : null };
}

/** Compares every variant with the baseline; runs without a partner of the same seed are left out. */
export function compareWithBaseline(outcomes: readonly Outcome[]): Comparison[] {
  const bySeed = new Map(
    outcomes.filter(({ variant }) => variant === baselineName).map((run) => [run.seed, run.testAccuracy]),
  );
  const variants = new Set(
    outcomes.map(({ variant }) => variant).filter((variant) => variant !== baselineName),
  );
  return [...variants].flatMap((variant) => {
    const runs = outcomes.filter((run) => run.variant === variant && bySeed.has(run.seed));
    if (runs.length === 0) return [];
    const baselines = runs.map(({ seed }) => bySeed.get(seed) as number);
    const accuracies = runs.map(({ testAccuracy }) => testAccuracy);
    const differences = accuracies.map((accuracy, i) => accuracy - (baselines[i] as number));
    return {
      variant,
      seeds: runs.map(({ seed }) => seed),
      baseline: sample(baselines),
      accuracy: sample(accuracies),
      differences,
      difference: sample(differences),
    };
  });
}

/** The comparison in one or two sentences, with what can be concluded from it. */
export function verdict({ variant, differences, difference, baseline, accuracy }: Comparison): string {
  const { count, mean } = difference;
  const size = Math.abs(mean).toFixed(2);
  const direction = mean > 0 ? `${size} points above` : mean < 0 ? `${size} points below` : "level with";
  const numbers = `${percent(accuracy)} against ${percent(baseline)} on the test images`;
  const start = `${variant} ends ${direction} ${baselineName}: ${numbers}.`;
  if (count === 1) return `${start} One seed: nothing can be concluded.`;
  const above = differences.filter((value) => value > 0).length;
  return (
    `${start} ${variant} is above on ${above} of ${count} seeds; the difference by seed is ` +
    `${signed(mean)} ± ${(difference.deviation as number).toFixed(2)} points.`
  );
}

/** `91.26 %`, over several seeds with the standard deviation: `91.26 ± 0.14 %`. */
export function percent({ mean, deviation }: Sample): string {
  return deviation === null ? `${mean.toFixed(2)} %` : `${mean.toFixed(2)} ± ${deviation.toFixed(2)} %`;
}

/** With its sign, two decimals. */
export function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
}

/**
 * Standard error of one accuracy, in points, from the test images being a sample: √(p(1 − p)/n).
 * @param accuracy in percent
 */
export function standardError(accuracy: number, images: number): number {
  const p = accuracy / 100;
  return 100 * Math.sqrt((p * (1 - p)) / images);
}
