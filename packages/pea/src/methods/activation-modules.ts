/**
 * The ReLU modules of a network, and others in their place.
 *
 * @module
 */
import { type ActivationName, PeaError } from "@pea/core";
import { type Module, ReLU } from "@pea/torch";
import { createActivation, smoothNameOf } from "../activations/index.ts";
import { findPlaces, type Place, replaceModules } from "./replace-modules.ts";

/** Whether a module is a ReLU. */
export function isReLU(module: Module): module is ReLU {
  return module instanceof ReLU;
}

/** Whether a module is a smooth activation that ReLU may take the place of. */
export function isSmoothActivation(module: Module): module is Module {
  return smoothNameOf(module) !== null;
}

/**
 * A run that changes nothing would bear the name of what it is compared with.
 *
 * @param method what would change the network, e.g. `pea SM75%`
 * @throws PeaError of kind usage where `model` has no ReLU module.
 */
export function requireReLU(model: Module, method: string): void {
  if (findPlaces(model, isReLU).length > 0) return;
  const isSmooth = findPlaces(model, isSmoothActivation).length > 0;
  throw new PeaError(
    `${method} changes nothing in ${model.constructor.name}, which has no ReLU module: ` +
      (isSmooth
        ? 'its activations are smooth: begin with them and end with ReLU, e.g. by pea: "WO75%"'
        : "build it with ReLU (not ReLU6) at every site, each a module of its own"),
    { kind: "usage" },
  );
}

/** @throws PeaError of kind usage where `model` has no module of a smooth activation. */
export function requireSmooth(model: Module, method: string): void {
  if (findPlaces(model, isSmoothActivation).length > 0) return;
  throw new PeaError(
    `${method} changes nothing in ${model.constructor.name}, which has no smooth activation of its own: name one, e.g. ` +
      'pea: "WM75%"',
    { kind: "usage" },
  );
}

/**
 * Swaps every ReLU module of `model` for the named activation; paths and state-dict keys stay.
 *
 * @returns the new modules and where they stand, in the order of definition.
 * @throws PeaError of kind usage for an unknown activation, and when one ReLU instance stands in two places.
 */
export function replaceActivation(model: Module, activation: ActivationName): Place[] {
  return replaceModules(model, findPlaces(model, isReLU), () => createActivation(activation));
}
