import { PeaError } from "@pea/core";
import type * as tf from "@tensorflow/tfjs";
import { findEnsembles } from "./sites.ts";
import { putReLU } from "./swap.ts";
import { unwatchTraining } from "./training-scope.ts";

/**
 * Puts plain ReLU (ReLU6 where it was) in the place of each ensemble of a model that has finished its transition. What
 * the model computes does not change by a bit; saved, it is a model of tfjs's own layers alone. A model without PEA is
 * left as it is.
 *
 * @throws PeaError unless α = 1: below, swapping would change what the network computes
 */
export function finalize(model: tf.LayersModel): void {
  const places = findEnsembles(model);
  for (const { path, state } of places)
    if (state.alpha !== 1)
      throw new PeaError(
        `alpha is ${state.alpha} at ${path}, not 1: the network is no ReLU network yet; train it to the final phase`,
      );
  for (const place of places) {
    unwatchTraining(place.layer);
    putReLU(place);
  }
}
