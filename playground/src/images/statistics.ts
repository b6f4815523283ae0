/**
 * Paired differences over seeds.
 *
 * @module
 */

/** Of Student's distribution, what 97.5 % lie below, for 1 to 19 degrees of freedom. */
const quantiles = [
  12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281, 2.201, 2.1788, 2.1604,
  2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.093,
] as const;

/** A mean, and half the width of its 95 % interval; null where there is one value alone. */
export function meanWithInterval(values: readonly number[]): { mean: number; half: number | null } {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count < 2) return { mean, half: null };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  return { mean, half: (quantiles[count - 2] as number) * Math.sqrt(variance / count) };
}
