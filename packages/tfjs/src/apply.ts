/**
 * Putting PEA into a model, and finding it there again.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type * as tf from "@tensorflow/tfjs";
import { requireTrainableBackend } from "./backend.ts";
import type { EnsembleSettings } from "./ensemble-state.ts";
import { PeaHandle } from "./handle.ts";
import { findEnsembles, findReLUs } from "./sites.ts";
import { putEnsemble } from "./swap.ts";

/** Options of `applyPea`. */
export interface ApplyPeaOptions extends EnsembleSettings {
  /** Whether to swap the ReLU of a layer, by the path of its name (`outer/inner` in nested models); all by default. */
  readonly where?: (path: string, layer: tf.layers.Layer) => boolean;
}

/**
 * Lets an ensemble stand at every ReLU and ReLU6 of a sequential or functional model: as `activation` of dense and
 * convolutional layers, in `Activation`, `ReLU` and `ThresholdedReLU` layers, in nested models and wrapped layers.
 * Layers, names and weights stay, and a model compiled already stays compiled. α starts at 0.
 *
 * @example
 * const pea = applyPea(model, { ensemble: "stochastic", smooth: "mish", seed: 0 });
 * await model.fit(images, labels, { epochs: 20, callbacks: new PeaCallback(pea, { end: "75%" }) });
 * finalize(model); // plain ReLU again
 *
 * @throws PeaError of kind usage for a model that is none of layers, that has PEA already or no ReLU, for a ReLU where
 *   PEA cannot stand (a layer applied twice, a recurrent one), and for a setting that cannot be; the model is then as it
 *   was
 */
export function applyPea(
  model: tf.LayersModel,
  { where = () => true, ...settings }: ApplyPeaOptions,
): PeaHandle {
  const [applied] = findEnsembles(model);
  if (applied !== undefined)
    throw usage(
      `PEA stands in this model already (at ${applied.path}); go on with resumePea(model), or end it by finalize(model)`,
    );
  const places = findReLUs(model).filter(({ path, layer }) => where(path, layer));
  if (places.length === 0)
    throw usage(
      `no ReLU found in ${model.name}: PEA takes the place of activation "relu" or "relu6" and of ReLU layers`,
    );
  for (const { path, obstacle } of places)
    if (obstacle !== null)
      throw usage(
        `PEA cannot stand at ${path}: ${obstacle}; or leave it out: where: (path) => path !== "${path}"`,
      );
  requireTrainableBackend(model);
  for (const [site, { layer, target }] of places.entries()) putEnsemble(layer, { ...settings, target, site });
  return new PeaHandle(model);
}

/**
 * The handle of a model in which ensembles stand already: one that was saved in the midst of its transition and loaded
 * again, or one built with `EnsembleActivation` layers.
 *
 * @throws PeaError of kind usage where there are none
 */
export function resumePea(model: tf.LayersModel): PeaHandle {
  if (findEnsembles(model).length === 0)
    throw usage(`no ensemble stands in ${model.name}; put them in by applyPea(model, …)`);
  requireTrainableBackend(model);
  return new PeaHandle(model);
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
