import { call, type Tensor, TorchError } from "@pea/torch";
import { composeEnsemble, ensembleActComposite } from "./composite.ts";
import type { EnsembleActOptions } from "./ensemble-act-options.ts";
import { kernelActivations, kernelNamed } from "./kernel-activations.ts";
import { loadKernels } from "./load.ts";
import { maskOfKernels } from "./mask.ts";

const ensembles = ["weighted", "stochastic", "surrogate"];
const kernelDtypes = ["float32", "bfloat16", "float64"];

/**
 * The ensemble of ReLU and a smooth activation, element by element (spec recipes 2.5-2.7). Differentiable once; saves
 * x alone for backward, where the masks are drawn again. One pass over memory forward and one backward on the CPU in
 * float32, bfloat16 and float64; on other devices, in float16, with `PEA_KERNELS=off` and where Act or ReLU's place has a function composed
 * of plain operators with exactly the same masks.
 *
 * @param x floating-point tensor of any shape
 * @returns shape, dtype and memory order of x (contiguous where x has gaps)
 * @throws TorchError for an unknown name, an alpha outside [0, 1], a beta that is not above 0, a key that is no integer, or a dtype
 * without fractions
 * @example ensembleAct(x, { ensemble: "stochastic", smooth: "gelu", alpha: 0.3, seed: 1, site: 0, step: 100 });
 */
export function ensembleAct(x: Tensor, options: EnsembleActOptions): Tensor {
  check(x, options);
  const { ensemble, smooth, alpha, beta = 1, relu, seed = 0, site = 0, step = 0 } = options;
  if (x.device !== "cpu" || !loadKernels()) return ensembleActComposite(x, options);
  if (typeof smooth === "function" || relu !== undefined) return composeEnsemble(x, options, maskOfKernels);
  if (!kernelDtypes.includes(x.dtype)) return ensembleActComposite(x, options);
  return call("pea::ensemble_act", x, kernelNamed(smooth) as string, ensemble, alpha, seed, site, step, beta);
}

function check(
  x: Tensor,
  { ensemble, smooth, alpha, beta = 1, seed = 0, site = 0, step = 0 }: EnsembleActOptions,
): void {
  requireOneOf("ensemble", ensemble, ensembles);
  if (typeof smooth === "string")
    requireOneOf("smooth", kernelNamed(smooth) ?? smooth, Object.keys(kernelActivations));
  requireOneOf("the dtype of x", x.dtype, [...kernelDtypes, "float16"]);
  if (!(alpha >= 0 && alpha <= 1)) {
    throw new TorchError(`ensembleAct: alpha must be a number from 0 to 1, not ${alpha}`);
  }
  if (!(beta > 0 && [beta, 1 / beta].every((factor) => Number.isFinite(Math.fround(factor))))) {
    throw new TorchError(`ensembleAct: beta must be a number above 0 that float32 can hold, not ${beta}`);
  }
  for (const [name, value] of Object.entries({ seed, site, step })) {
    if (typeof value !== "bigint" && !Number.isSafeInteger(value)) {
      throw new TorchError(`ensembleAct: ${name} must be an integer, not ${value}`);
    }
  }
}

function requireOneOf(name: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) {
    throw new TorchError(`ensembleAct: ${name} must be one of ${allowed.join(", ")}, not ${value}`);
  }
}
