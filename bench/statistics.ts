/**
 * Order statistics and means of small samples, and how far they can be trusted.
 *
 * @module
 */
import { uniform } from "./random.ts";

/**
 * The q-quantile, linear between the two nearest values.
 *
 * @param q from 0 to 1
 * @returns NaN for no values
 */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * q;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** NaN for no values. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** exp(mean(ln x)) of positive values; NaN for no values. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(mean(values.map(Math.log)));
}

/** A statistic and the interval in which 95 % of its resampled values lie. */
export interface Estimate {
  value: number;
  interval: readonly [low: number, high: number];
}

const RESAMPLES = 1000;

/**
 * `combine` of the medians of `samples`, with the percentile interval of a bootstrap: each sample is drawn anew from
 * itself, with replacement. Up to five values give their whole range. The same samples give the same interval.
 *
 * @throws Error for a value that is not finite, and for a sample without values
 */
export function estimate(
  samples: readonly (readonly number[])[],
  combine: (medians: readonly number[]) => number = ([only]) => only as number,
): Estimate {
  for (const sample of samples) {
    if (sample.length === 0 || !sample.every(Number.isFinite))
      throw new Error(`a sample of [${sample.join(", ")}] has no median`);
  }
  const random = uniform(1);
  const resampled = Array.from({ length: RESAMPLES }, () =>
    combine(samples.map((sample) => median(resample(sample, random)))),
  );
  return {
    value: combine(samples.map(median)),
    interval: [quantile(resampled, 0.025), quantile(resampled, 0.975)],
  };
}

function resample(sample: readonly number[], random: () => number): number[] {
  return sample.map(() => sample[Math.floor(random() * sample.length)] as number);
}
