/**
 * Whether a forward pass is one of training. tfjs tells a layer by `kwargs.training`, but not the layer's activation.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs";
import type { CallArguments } from "./layer-call.ts";

let training = false;

/** Whether the call that runs is part of a training step. */
export const isTraining = (): boolean => training;

/** Runs `call` as training where its keyword arguments say so. */
export function inScope<T>(kwargs: CallArguments[1] | undefined, call: () => T): T {
  const before = training;
  training = kwargs?.training === true;
  try {
    return call();
  } finally {
    training = before;
  }
}

/** The calls of watched layers as they were, where a layer had one of its own. */
const watched = new WeakMap<tf.layers.Layer, tf.layers.Layer["call"] | null>();

/** Lets the calls of a layer tell its activation whether they train. Once is enough. */
export function watchTraining(layer: tf.layers.Layer): void {
  if (watched.has(layer)) return;
  watched.set(layer, Object.hasOwn(layer, "call") ? layer.call : null);
  const call = layer.call;
  layer.call = (inputs, kwargs) => inScope(kwargs, () => call.call(layer, inputs, kwargs));
}

/** Takes `watchTraining` back. */
export function unwatchTraining(layer: tf.layers.Layer): void {
  const own = watched.get(layer);
  if (own === undefined) return;
  watched.delete(layer);
  if (own === null) Reflect.deleteProperty(layer, "call");
  else layer.call = own;
}
