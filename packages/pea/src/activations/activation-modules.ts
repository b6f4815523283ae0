/**
 * The modules that compute the activations of @pea/core.
 *
 * @module
 */
import { type ActivationName, activationNamed, activations, PeaError, type SmoothName } from "@pea/core";
import { activationClasses, activationNameOf, ClippedReLU, type Module, ReLU6 } from "@pea/torch";

/** A class of modules that compute an activation. */
export type ActivationClass = new () => Module;

const classes = new Map<string, ActivationClass>(Object.entries(activationClasses));

/**
 * Makes a fresh module of the activation of a name or alias.
 *
 * @throws PeaError of kind usage where there is none
 */
export function createActivation(name: ActivationName): Module {
  const Activation = classes.get(activationNamed(name)?.name ?? "");
  if (Activation !== undefined) return new Activation();
  const known = Object.keys(activations).filter((each) => classes.has(each));
  throw new PeaError(`there is no module for an activation ${name}; known are ${known.join(", ")}`, {
    kind: "usage",
  });
}

/** Whether a module is an activation, ReLU and those cut off among them. An ensemble is none. */
export function isActivation(module: Module): boolean {
  return [ReLU6, ClippedReLU, ...classes.values()].some((Activation) => module instanceof Activation);
}

/** The name of the smooth activation that a module computes; null for others. */
export function smoothNameOf(module: Module): SmoothName | null {
  const own = () => [...classes].find(([, Activation]) => module.constructor === Activation)?.[0];
  const name = activationNameOf(module) ?? own();
  return name === undefined || name === "relu" ? null : name;
}

/** Sets the class of an activation that @pea/core knows. */
export function setActivationClass(name: string, Activation: ActivationClass): void {
  classes.set(name, Activation);
}
