import type { Ensemble } from "@pea/core";
import type * as tf from "@tensorflow/tfjs";

/** The smooth activations that have formulas for every backend. */
export const smoothNames = ["gelu", "swish", "mish", "elu"] as const;
export type SmoothName = (typeof smoothNames)[number];

/** The activation that remains at α = 1. */
export type TargetName = "relu" | "relu6";

/** What an ensemble computes in one pass: the formula, and where it draws. */
export interface Mixture {
  readonly smooth: SmoothName;
  readonly target: TargetName;
  /** Coefficient (weighted) or probability (stochastic) of the target, from 0 to 1. */
  readonly alpha: number;
  /** `weighted`: α·Target + (1 − α)·Act (paper Eq. 1). `stochastic`: per element one of the two (Eq. 3). */
  readonly ensemble: Ensemble;
  /** With `site` and `step` the key of the stochastic masks. */
  readonly seed: number;
  readonly site: number;
  readonly step: number;
}

/** How a backend computes mixtures, element by element. Both tensors returned have the shape of x and are float32. */
export interface Elementwise {
  /** The mixture at x. */
  value(x: tf.Tensor, mixture: Mixture): tf.Tensor;
  /** dy times the mixture's derivative at x, by the masks that `value` drew. */
  gradient(x: tf.Tensor, dy: tf.Tensor, mixture: Mixture): tf.Tensor;
}
