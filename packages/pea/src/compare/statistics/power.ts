/**
 * What a t-test can show with the runs there are. When the true difference is δ standard errors, T² follows the
 * noncentral F distribution, a mixture of incomplete beta functions with Poisson weights (exact, no normal
 * approximation; specification, recipes 7.3).
 *
 * @module
 */
import { incbet, lgam } from "./cephes.ts";
import { twoSidedQuantile } from "./student-t.ts";
import { LEVEL, type TTest } from "./t-test.ts";

/** The chance of showing it that a difference must have to count as one the runs can show. */
export const POWER = 0.8;

/**
 * Probability that a two-sided t-test at a level finds a true difference of `shift` standard errors:
 * 1 − Σ_j Poisson(j; δ²/2) · I_y(½ + j, ν/2) with y = c²/(ν + c²) at the critical value c.
 */
export function power(shift: number, degrees: number, level: number = LEVEL): number {
  const critical = twoSidedQuantile(1 - level, degrees);
  const y = critical ** 2 / (degrees + critical ** 2);
  const rate = shift ** 2 / 2;
  let missed = 0;
  // Beyond ten standard deviations of the Poisson distribution the terms are below float64's resolution.
  const end = rate + 10 * Math.sqrt(rate) + 40;
  for (let j = 0; j < end; j++) {
    const weight = rate === 0 ? Number(j === 0) : Math.exp(j * Math.log(rate) - rate - lgam(j + 1));
    missed += weight * incbet(0.5 + j, degrees / 2, y);
  }
  return 1 - missed;
}

/**
 * The smallest true difference that a test as precise as this one finds with probability 0.8, in the values' unit.
 * It takes the spread seen for the true one.
 *
 * @param level of the test; one of m tests that are corrected for has 0.05/m at the least
 */
export function smallestDifference(
  { standardError, degrees }: Pick<TTest, "standardError" | "degrees">,
  level: number = LEVEL,
): number {
  let [low, high] = [0, 1];
  while (power(high, degrees, level) < POWER) [low, high] = [high, 2 * high];
  // 50 halvings leave 1e-15 of the first bracket.
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (power(middle, degrees, level) < POWER) low = middle;
    else high = middle;
  }
  return high * standardError;
}
