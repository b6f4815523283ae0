import { call, type Tensor, TorchError, type Value } from "@pea/torch";
import { composeEnsemble, ensembleActComposite } from "./composite.ts";
import type { EnsembleActOptions, MaskSharing } from "./ensemble-act-options.ts";
import { kernelActivations, kernelNamed } from "./kernel-activations.ts";
import { loadKernels } from "./load.ts";
import { maskOfKernels } from "./mask.ts";
import { hasMemoryFormat, isDense } from "./memory-order.ts";

const ensembles = ["weighted", "stochastic", "surrogate"];
const sharings: readonly MaskSharing[] = ["element", "channel", "sample"];
const kernelDtypes = ["float32", "bfloat16", "float64"];

/**
 * The ensemble of ReLU and a smooth activation, element by element (spec recipes 2.5-2.7). Differentiable once; saves
 * x alone for backward, where the masks are drawn again. One pass over memory forward and one backward on the CPU in
 * float32, bfloat16 and float64; on other devices, in float16, with `PEA_KERNELS=off`, where Act is a function, and with masks for
 * channels or samples of an x in another memory format than contiguous and channels_last composed of plain operators with
 * exactly the same masks.
 *
 * @param x floating-point tensor of any shape
 * @returns shape, dtype and memory order of x (contiguous where x has gaps)
 * @throws TorchError for an unknown name, an alpha outside [0, 1], a beta or bound that is not above 0, a key that is no integer, or a dtype
 * without fractions
 * @example ensembleAct(x, { ensemble: "stochastic", smooth: "gelu", alpha: 0.3, seed: 1, site: 0, step: 100 });
 */
export function ensembleAct(x: Tensor, options: EnsembleActOptions): Tensor {
  check(x, options);
  const { smooth, masks } = withDefaults(options);
  if (x.device !== "cpu" || !loadKernels()) return ensembleActComposite(x, options);
  if (typeof smooth === "function") return composeEnsemble(x, options, maskOfKernels);
  if (!kernelDtypes.includes(x.dtype)) return ensembleActComposite(x, options);
  if (masks !== "element" && isDense(x) && !hasMemoryFormat(x)) return ensembleActComposite(x, options);
  return call("pea::ensemble_act", x, ...ensembleArguments(options));
}

/** What operators take of an ensemble: the name of the smooth activation that has a kernel, and the rest in the schema's order. */
export function ensembleArguments(options: EnsembleActOptions): [name: string, ...Value[]] {
  const { ensemble, smooth, alpha, beta, bound, masks, seed, site, step } = withDefaults(options);
  return [kernelNamed(smooth as string) as string, ensemble, alpha, seed, site, step, beta, bound, masks];
}

/** An option that is undefined is at its default, too. */
function withDefaults(options: EnsembleActOptions) {
  const { beta = 1, masks = "element", seed = 0, site = 0, step = 0 } = options;
  return { ...options, beta, masks, seed, site, step };
}

function check(x: Tensor, options: EnsembleActOptions): void {
  const { ensemble, smooth, alpha, beta, bound, masks, seed, site, step } = withDefaults(options);
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
  if (bound !== undefined && !(bound > 0)) {
    throw new TorchError(`ensembleAct: bound must be a number above 0, not ${bound}`);
  }
  requireOneOf("masks", masks, sharings);
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
