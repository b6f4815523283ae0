import type { SmoothActivation } from "./activation.ts";

/**
 * Mish: f(x) = x·τ; f′(x) = τ + x·σ(x)·(1 − τ²), where τ = tanh(ln(1 + e^x)) and σ is the logistic function.
 *
 * With n = e^x, τ = (n² + 2n)/(n² + 2n + 2) and σ·(1 − τ²) = 4n(1 + n)/(n² + 2n + 2)²: no logarithm, no cancellation.
 * For x ≥ 0 both are written in m = e^(−x), which cannot overflow.
 */
export const mish: SmoothActivation = {
  name: "mish",
  title: "Mish",
  letter: "M",
  f(x) {
    if (x === Number.NEGATIVE_INFINITY) return -0;
    return x * parts(x).tau;
  },
  df(x) {
    if (Math.abs(x) === Number.POSITIVE_INFINITY) return x > 0 ? 1 : 0;
    const { tau, slope } = parts(x);
    return tau + x * slope;
  },
};

/** τ and its derivative σ·(1 − τ²). */
function parts(x: number): { tau: number; slope: number } {
  if (x < 0) {
    const n = Math.exp(x);
    const d = n * (n + 2) + 2;
    return { tau: (n * (n + 2)) / d, slope: (4 * n * (1 + n)) / (d * d) };
  }
  const m = Math.exp(-x);
  const d = 1 + 2 * m * (1 + m);
  return { tau: (1 + 2 * m) / d, slope: (4 * m * m * (1 + m)) / (d * d) };
}
