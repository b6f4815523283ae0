/** Order statistics and means of small samples. */

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

/** exp(mean(ln x)) of positive values; NaN for no values. */
export function geometricMean(values: readonly number[]): number {
  const logarithms = values.map(Math.log);
  return Math.exp(logarithms.reduce((sum, value) => sum + value, 0) / values.length);
}
