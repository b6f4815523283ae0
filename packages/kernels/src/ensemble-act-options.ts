import type { ElementFunction, KernelActivation } from "./kernel-activations.ts";

/** Names that are not listed, without hiding from an editor those that are. */
type AnyOther = string & Record<never, never>;

/** What shares a draw of the stochastic ensemble: an element alone, a channel of a sample, or a sample, for x of [N, C, …]. */
export type MaskSharing = "element" | "channel" | "sample";

/** What an ensemble activation computes. */
export interface EnsembleActOptions {
  /**
   * `weighted`: α ReLU + (1 − α) Act (paper Eq. 1). `stochastic`: per element ReLU with probability α, else Act (Eq. 3).
   * `surrogate`: ReLU, with the slope of the weighted one.
   */
  ensemble: "weighted" | "stochastic" | "surrogate";
  /**
   * Act: the name of one that has a kernel, or an alias of it, in letters of either size (`SiLU` is swish); or a function of
   * plain operators, which has none.
   */
  smooth: KernelActivation | AnyOther | ElementFunction;
  /** Where ReLU is cut off, min(max(x, 0), bound), above 0; default: nowhere. */
  bound?: number;
  /** ReLU's coefficient or probability, 0 to 1. */
  alpha: number;
  /** Act(βx)/β takes Act's place, which is the nearer to ReLU the larger β is: x σ(βx) of Swish; above 0, default 1. */
  beta?: number;
  /** What shares a draw of the stochastic ensemble; default `element`. */
  masks?: MaskSharing;
  /** With `site` and `step` the key of the stochastic masks; default 0, as theirs. */
  seed?: number | bigint;
  /** Index of the activation in the network. */
  site?: number;
  /** Training step. */
  step?: number;
}
