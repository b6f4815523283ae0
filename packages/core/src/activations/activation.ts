/** A smooth activation the ensemble starts with. `swish` is Swish with β = 1, also called SiLU. */
export type SmoothName = "gelu" | "swish" | "mish" | "elu";

/** An activation of this package. */
export type ActivationName = "relu" | SmoothName;

/**
 * An activation and its derivative in float64. Both are exact to a few units in the last place of the largest term of
 * their formula, take their limits at ±∞ and give NaN for NaN (spec recipes 5.5).
 */
export interface Activation {
  readonly name: ActivationName;
  /** The value f(x). */
  f(x: number): number;
  /** The derivative f′(x). */
  df(x: number): number;
}
