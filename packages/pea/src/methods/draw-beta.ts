/**
 * Numbers of the Beta distribution.
 *
 * @module
 */
import type { Draws } from "./draws.ts";

/**
 * A draw of Beta(α, α): G₁ / (G₁ + G₂) of two draws of Gamma(α), in logarithms, since both may be next to nothing where α
 * is small.
 *
 * @param alpha above 0; 1 is the uniform distribution, smaller ones lie nearer to 0 and 1
 */
export function drawBeta(alpha: number, draws: Draws): number {
  return 1 / (1 + Math.exp(-(logGamma(alpha, draws) - logGamma(alpha, draws))));
}

/**
 * Logarithm of a draw of Gamma(α, 1), by Marsaglia and Tsang, "A simple method for generating gamma variables", 2000: for
 * α below 1 it is that of α + 1 times U^(1/α).
 */
function logGamma(alpha: number, draws: Draws): number {
  if (alpha < 1) return logGamma(alpha + 1, draws) + Math.log(draws.uniform()) / alpha;
  const d = alpha - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = draws.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(draws.uniform()) < 0.5 * x * x + d * (1 - v + Math.log(v)))
      return Math.log(d) + Math.log(v);
  }
}
