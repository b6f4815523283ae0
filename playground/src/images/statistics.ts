/**
 * Paired differences over seeds.
 *
 * @module
 */

/** Of Student's distribution, what 97.5 % lie below, for 1 to 19 degrees of freedom. */
const quantiles = [
  12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139,
  2.200985, 2.178813, 2.160369, 2.144787, 2.13145, 2.119905, 2.109816, 2.100922, 2.093024,
] as const;

/** A mean, and half the width of its 95 % interval; null where there is one value alone. */
export function meanWithInterval(values: readonly number[]): { mean: number; half: number | null } {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count < 2) return { mean, half: null };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  return { mean, half: (quantiles[count - 2] as number) * Math.sqrt(variance / count) };
}
