import { PeaError } from "@pea/core";
import * as tf from "@tensorflow/tfjs";
import { hasLayer } from "./sites.ts";

/**
 * tfjs's wasm backend has no gradient for convolutions' filters.
 *
 * @throws PeaError of kind usage where the backend in use cannot train the model
 */
export function requireTrainableBackend(model: tf.LayersModel): void {
  if (tf.getBackend() !== "wasm" || !hasLayer(model, (name) => /Conv/.test(name))) return;
  throw new PeaError(
    `the wasm backend cannot train ${model.name}: tfjs has no gradient for convolutions there; take another by ` +
      'await tf.setBackend("cpu"), or "webgl" in a browser',
    { kind: "usage" },
  );
}
