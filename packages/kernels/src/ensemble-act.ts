import { call, type Tensor, TorchError } from "@pea/torch";
import { compositeEnsembleAct } from "./composite.ts";
import { loadKernels } from "./library.ts";
import type { MaskStream } from "./mask.ts";

/** The smooth activations that have kernels: GELU (erf), Swish (β = 1), Mish, ELU. */
export type SmoothName = "gelu" | "swish" | "mish" | "elu";

/** What `ensembleAct` computes. */
export interface EnsembleOptions extends MaskStream {
  /** `weighted`: α · ReLU + (1 − α) · Act (paper Eq. 1); `stochastic`: ReLU with probability α per element (Eq. 3). */
  ensemble: "weighted" | "stochastic";
  smooth: SmoothName;
  /** ReLU's coefficient or probability, 0 to 1. */
  alpha: number;
}

/**
 * The ensemble activation in one pass over memory, forward and backward, saving `x` alone. Masks follow from
 * (seed, site, step) and the element's place in memory.
 *
 * @param x any shape; float32, float64, bfloat16 or float16
 * @returns shape and dtype of `x`
 * @throws TorchError for α outside [0, 1], an integer tensor, or a second derivative
 */
export function ensembleAct(x: Tensor, options: EnsembleOptions): Tensor {
  const { ensemble, smooth, alpha, seed, site, step } = options;
  if (!(alpha >= 0 && alpha <= 1))
    throw new TorchError(`ensembleAct: alpha must be between 0 and 1, got ${alpha}`);
  if (x.device === "cpu" && loadKernels()) {
    return call("pea::ensemble_act", x, smooth, ensemble, alpha, seed, site, step);
  }
  return compositeEnsembleAct(x, options);
}
