import { activations, type SmoothName, smoothNamed } from "./activations/index.ts";
import { PeaError } from "./error.ts";

/**
 * How ReLU and the smooth activation are combined: mixed by the coefficient α (`weighted`, paper section 3.1) or drawn
 * for each element, ReLU with probability α (`stochastic`, section 3.2).
 */
export type Ensemble = "weighted" | "stochastic";

/**
 * The weighted ensemble α·ReLU(x) + (1 − α)·Act(x) (paper Eq. 1), in float64. It is also the expectation of the
 * stochastic ensemble at x (spec recipes 2.7).
 *
 * At α = 0 only Act is evaluated and at α = 1 only ReLU, so both ends are exact and 0 · ∞ never arises.
 *
 * @throws PeaError of kind usage for another smooth activation, and unless α is a number from 0 to 1.
 */
export function weighted(x: number, alpha: number, smooth: SmoothName): number {
  return mix(activations.relu.f, smoothNamed(smooth).f, x, alpha);
}

/**
 * The derivative of `weighted` in x: α·1[x > 0] + (1 − α)·Act′(x) (spec recipes 2.6).
 *
 * @throws PeaError of kind usage for another smooth activation, and unless α is a number from 0 to 1.
 */
export function weightedDerivative(x: number, alpha: number, smooth: SmoothName): number {
  return mix(activations.relu.df, smoothNamed(smooth).df, x, alpha);
}

/**
 * The variance of the stochastic ensemble at x over its draw: α·(1 − α)·(ReLU(x) − Act(x))² (spec recipes 2.7).
 *
 * @throws PeaError of kind usage for another smooth activation, and unless α is a number from 0 to 1.
 */
export function stochasticVariance(x: number, alpha: number, smooth: SmoothName): number {
  checkAlpha(alpha);
  if (alpha === 0 || alpha === 1) return 0;
  return alpha * (1 - alpha) * (activations.relu.f(x) - smoothNamed(smooth).f(x)) ** 2;
}

type RealFunction = (x: number) => number;

function mix(relu: RealFunction, smooth: RealFunction, x: number, alpha: number): number {
  checkAlpha(alpha);
  if (alpha === 0) return smooth(x);
  if (alpha === 1) return relu(x);
  return alpha * relu(x) + (1 - alpha) * smooth(x);
}

/**
 * Checks that α is one.
 *
 * @throws PeaError of kind usage unless it is a number from 0 to 1.
 */
export function checkAlpha(alpha: number): void {
  if (!(alpha >= 0 && alpha <= 1)) {
    throw new PeaError(`alpha must be a number from 0 to 1, not ${alpha}`, { kind: "usage" });
  }
}
