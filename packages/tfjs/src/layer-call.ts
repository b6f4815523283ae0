/**
 * What tfjs hands to a layer's `call`.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs";

/** Inputs and keyword arguments. */
export type CallArguments = Parameters<tf.layers.Layer["call"]>;

/** The input of a layer that takes one: tfjs hands it over alone or in a list. */
export function onlyInput(inputs: CallArguments[0]): tf.Tensor {
  return Array.isArray(inputs) ? (inputs[0] as tf.Tensor) : inputs;
}
