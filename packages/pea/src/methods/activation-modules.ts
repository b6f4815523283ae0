/**
 * The ReLU modules of a network, and others in their place.
 *
 * @module
 */
import { type ActivationName, PeaError } from "@pea/core";
import { ClippedReLU, type Module, ReLU, ReLU6 } from "@pea/torch";
import { createActivation, smoothNameOf } from "../activations/index.ts";
import { findPlaces, type Place, replaceModules } from "./replace-modules.ts";

/** Whether a module is a ReLU, or one cut off (`setReLU`). */
export function isReLU(module: Module): module is ReLU | ClippedReLU {
  return module instanceof ReLU || module instanceof ClippedReLU;
}

/** Where a ReLU is cut off, as kernels take it; nothing where it is not. */
export function boundOf(relu: Module): { bound?: number } {
  return relu instanceof ClippedReLU ? { bound: relu.bound } : {};
}

/**
 * Gives a network ReLU cut off at a bound in the place of each ReLU and ReLU6: methods come to it in the end as else to ReLU.
 *
 * @param bound as `boundOfReLU` has it; Infinity: nothing changes
 * @throws PeaError of kind usage where there is neither
 */
export function setReLU(model: Module, bound: number): void {
  if (bound === Number.POSITIVE_INFINITY) return;
  const places = findPlaces(model, (module) => module instanceof ReLU || module instanceof ReLU6);
  if (places.length === 0)
    throw new PeaError(
      `relu is relu${bound}, but ${model.constructor.name} has no module of ReLU or ReLU6 to be cut off there; leave relu out`,
      { kind: "usage" },
    );
  replaceModules(model, places, () => new ClippedReLU(bound));
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
  throw new PeaError(
    `${method} changes nothing in ${model.constructor.name}, which has no ReLU module: ${wayToReLU(model)}`,
    { kind: "usage" },
  );
}

function wayToReLU(model: Module): string {
  if (findPlaces(model, isSmoothActivation).length > 0)
    return 'its activations are smooth: begin with them and end with ReLU, e.g. by pea: "WO75%"';
  if (findPlaces(model, (module) => module instanceof ReLU6).length > 0)
    return "it has ReLU6: say that it is to remain (relu: relu6), or build it with ReLU";
  return "build it with ReLU at every site, each a module of its own";
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
