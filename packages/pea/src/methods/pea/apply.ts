/**
 * Putting PEA into a network.
 *
 * @module
 */
import { ownSmooth, PeaError } from "@pea/core";
import type { Module } from "@pea/torch";
import { isReLU, isSmoothActivation } from "../activation-modules.ts";
import { findPlaces } from "../replace-modules.ts";
import { isEnsembleActivation } from "./ensemble-activation.ts";
import { type EnsembleSettings, PeaHandle } from "./handle.ts";

/** Options of `applyPea`. */
export interface ApplyPeaOptions extends EnsembleSettings {
  /** Whether to swap the ReLU module at a path; all by default. */
  where?: (path: string) => boolean;
  /** Receives the warning when the model has no ReLU module; default `process.emitWarning`. */
  warn?: (message: string) => void;
}

/**
 * Swaps each ReLU module of `model` for an `EnsembleActivation`; paths and state-dict keys stay. α starts at 0: set
 * `handle.alpha` and `handle.step` before each forward pass, and call `finalize(model)` at the end.
 *
 * With `smooth: "own"` the sites are the modules of smooth activations that the network has (SiLU, GELU, Mish, Hardswish,
 * ELU), each beside ReLU: at α = 0 it is the network that it was, in the end one of ReLU. Gates, which are no such modules,
 * stay.
 *
 * A site's index, which keys its stochastic masks, is its place among the swapped modules in the order in which they
 * are defined.
 *
 * @example
 * const handle = applyPea(model, { ensemble: "stochastic", smooth: "mish", seed: 1 });
 * for (let step = 0; step < totalSteps; step++) {
 *   handle.alpha = alphaAt(step, plan);
 *   handle.step = step;
 *   trainOneStep(model);
 * }
 * finalize(model);
 *
 * @throws PeaError of kind usage when PEA stands in the model already, one ReLU instance stands in two places, or a
 * setting cannot be; the model is then as it was.
 */
export function applyPea(
  model: Module,
  { where = () => true, warn = emitWarning, ...settings }: ApplyPeaOptions,
): PeaHandle {
  const [applied] = findPlaces(model, isEnsembleActivation);
  if (applied !== undefined) {
    throw new PeaError(`PEA stands in this model already (at ${applied.path}); call finalize(model) first`, {
      kind: "usage",
    });
  }
  const isSite = settings.smooth === ownSmooth ? isSmoothActivation : isReLU;
  const places = findPlaces<Module>(model, isSite).filter(({ path }) => where(path));
  if (places.length === 0) {
    warn(
      settings.smooth === ownSmooth
        ? `no module of a smooth activation found in ${model.constructor.name}, so PEA changes nothing`
        : `no ReLU module found in ${model.constructor.name}, so PEA changes nothing; ` +
            "calls of the function relu inside forward cannot be swapped: make each a ReLU module",
    );
  }
  return new PeaHandle(model, places, settings);
}

function emitWarning(message: string): void {
  process.emitWarning(message, "PeaWarning");
}
