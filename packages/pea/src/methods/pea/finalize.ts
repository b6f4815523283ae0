/**
 * Taking PEA out of a network that has finished its transition.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { Module } from "@pea/torch";
import { findPlaces } from "../replace-modules.ts";
import { isEnsembleActivation } from "./ensemble-activation.ts";

/**
 * Swaps each `EnsembleActivation` of `model` for the plain ReLU module that it ends with. The outputs do not change by a bit
 * and the state dict is the plain network's, key by key. A model without PEA is left as it is.
 *
 * @throws PeaError unless α = 1: below, swapping would change what the network computes.
 */
export function finalize(model: Module): void {
  const places = findPlaces(model, isEnsembleActivation);
  for (const { path, module } of places) {
    const { alpha } = module.control;
    if (alpha !== 1) {
      throw new PeaError(
        `alpha is ${alpha} at ${path}, not 1: the network is no ReLU network yet; train it to the final phase`,
      );
    }
  }
  for (const { path, module } of places) model.replaceModule(path, module.relu.train(module.training));
}
