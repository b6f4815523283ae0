/** Mean over `count` values; `deviation` is the sample standard deviation (n − 1), null for one value. */
export interface Sample {
  count: number;
  mean: number;
  deviation: number | null;
}

/** Mean and sample standard deviation of at least one value. */
export function sample(values: readonly number[]): Sample {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { count, mean, deviation: count > 1 ? Math.sqrt(squares / (count - 1)) : null };
}

/**
 * Pearson's correlation of paired values: whether a shared seed makes two runs alike. Null below three pairs, where it
 * says nothing, and where one side does not vary.
 */
export function correlation(a: readonly number[], b: readonly number[]): number | null {
  if (a.length < 3) return null;
  const [ofA, ofB] = [sample(a), sample(b)];
  if (ofA.deviation === 0 || ofB.deviation === 0) return null;
  const products = a.reduce((sum, value, i) => sum + (value - ofA.mean) * ((b[i] as number) - ofB.mean), 0);
  return products / ((a.length - 1) * (ofA.deviation as number) * (ofB.deviation as number));
}

/**
 * Standard error of one score in points, from the test images being a sample: √(p(1 − p)/n). Models scored on the same
 * images share most of it, so that it does not apply to their difference (specification, recipes 7.2).
 *
 * @param accuracy in percent
 */
export function standardError(accuracy: number, images: number): number {
  const p = accuracy / 100;
  return 100 * Math.sqrt((p * (1 - p)) / images);
}
