/**
 * Swapping modules inside a model.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { Module } from "@pea/torch";

/** A module and where it stands. */
export interface Place<M extends Module = Module> {
  /** Path from the model, e.g. `layer1.0.relu1`. */
  path: string;
  module: M;
}

/** Every place below `model`, in the order of definition; a module that stands in two places comes twice. */
function* places(model: Module, prefix = ""): Generator<Place> {
  for (const [name, module] of model.children()) {
    const path = `${prefix}${name}`;
    yield { path, module };
    yield* places(module, `${path}.`);
  }
}

/**
 * The places below `model` whose module is of a class, in the order of definition.
 *
 * @throws PeaError of kind usage when one instance stands in two places: each site needs a module of its own.
 */
export function findPlaces<M extends Module>(
  model: Module,
  isWanted: (module: Module) => module is M,
): Place<M>[] {
  const found = new Map<M, string>();
  for (const { path, module } of places(model)) {
    if (!isWanted(module)) continue;
    const other = found.get(module);
    if (other !== undefined) {
      throw new PeaError(
        `one ${module.constructor.name} instance stands at ${other} and at ${path}; give each place its own`,
        { kind: "usage" },
      );
    }
    found.set(module, path);
  }
  return [...found].map(([module, path]) => ({ path, module }));
}

/** Puts a new module at each of `places`, in the training or evaluation mode of the old one. */
export function replaceModules<M extends Module>(
  model: Module,
  places: readonly Place[],
  create: (place: Place, index: number) => M,
): Place<M>[] {
  return places.map((place, index) => {
    const module = create(place, index);
    module.train(place.module.training);
    model.replaceModule(place.path, module);
    return { path: place.path, module };
  });
}
