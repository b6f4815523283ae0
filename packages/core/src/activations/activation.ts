/**
 * An activation: what it is called and what it computes. f and f′ are exact to a few units in the last place of the
 * largest term of their formula, take their limits at ±∞ and give NaN for NaN (spec recipes 5.5).
 */
export interface Activation {
  /** In settings and files, e.g. `swish`. */
  readonly name: string;
  /** As people write it, e.g. `Swish`. */
  readonly title: string;
  /** Other names that settings may use, e.g. `silu`. */
  readonly aliases?: readonly string[];
  /** The value f(x), in float64. */
  f(x: number): number;
  /** The derivative f′(x), in float64. */
  df(x: number): number;
}

/** An activation that an ensemble starts with. ReLU, which all end with, is none. */
export interface SmoothActivation extends Activation {
  /** The capital letter that stands for it in variant codes. */
  readonly letter: string;
}
