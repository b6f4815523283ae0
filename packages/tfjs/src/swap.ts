/**
 * Swapping the activation of one layer, in the layer itself: a model's graph holds on to its layers.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs";
import type { TargetName } from "./elementwise/index.ts";
import { EnsembleActivation, EnsembleFunction } from "./ensemble-activation.ts";
import type { EnsembleConfig } from "./ensemble-state.ts";
import { type CallArguments, onlyInput } from "./layer-call.ts";
import type { ActivationHost, EnsemblePlace } from "./sites.ts";

/** Activations that ensembles stand in the place of. */
const replaced = new WeakMap<tf.layers.Layer, ActivationHost["activation"]>();

/** Puts an ensemble in the place of a layer's ReLU; `putReLU` takes it out again. */
export function putEnsemble(layer: tf.layers.Layer, config: EnsembleConfig): void {
  const ensemble = new EnsembleFunction(config);
  const { state } = ensemble;
  const host = layer as ActivationHost;
  if (host.activation !== undefined) {
    replaced.set(layer, host.activation);
    const getConfig = layer.getConfig.bind(layer);
    // Of an activation that is an object tfjs would save the name alone.
    const activation = () => ({ className: EnsembleFunction.className, config: { ...state.config } });
    override(layer, {
      activation: ensemble,
      getConfig: () => ({ ...getConfig(), activation: activation() }),
    });
    return;
  }
  override(layer, {
    activation: ensemble,
    call: (inputs: CallArguments[0]) => state.apply(onlyInput(inputs)),
    // Saved as the layer that can be loaded again.
    getClassName: () => EnsembleActivation.className,
    getConfig: () => ({ ...commonConfig(layer), ...state.config }),
  });
}

/** Puts the ReLU back that an ensemble stood in the place of; where it was built or loaded so, one of tfjs's own. */
export function putReLU({ layer, state }: EnsemblePlace): void {
  if (layer instanceof EnsembleActivation) {
    const maxValue = state.target === "relu6" ? 6 : undefined;
    override(layer, {
      maxValue,
      call: (inputs: CallArguments[0]) => reluOf(state.target).apply(onlyInput(inputs)),
      getClassName: () => "ReLU",
      getConfig: () => ({ ...commonConfig(layer), maxValue }),
    });
    return;
  }
  const before = replaced.get(layer);
  replaced.delete(layer);
  const isHost = before !== undefined || layer.getClassName() !== EnsembleActivation.className;
  for (const name of ["activation", "call", "getClassName", "getConfig"]) Reflect.deleteProperty(layer, name);
  if (isHost) override(layer, { activation: before ?? reluOf(state.target) });
}

/** tfjs's own activation of that name. */
function reluOf(target: TargetName): ActivationHost["activation"] {
  const layer = tf.layers.activation({ activation: target }) as ActivationHost;
  return layer.activation;
}

/** What every layer's configuration has: name, whether it is trained, the shape of the first one's input. */
function commonConfig(layer: tf.layers.Layer): tf.serialization.ConfigDict {
  return tf.layers.Layer.prototype.getConfig.call(layer);
}

function override(layer: tf.layers.Layer, members: Readonly<Record<string, unknown>>): void {
  Object.assign(layer, members);
}
