/**
 * The ensemble as tfjs knows activations: a layer of its own, and the activation of another layer.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs";
import { type EnsembleConfig, EnsembleState } from "./ensemble-state.ts";
import { type CallArguments, onlyInput } from "./layer-call.ts";
import { inScope } from "./training-scope.ts";

/** Arguments of the layer, besides those that all layers take. */
export type EnsembleActivationArgs = EnsembleConfig & { name?: string; trainable?: boolean };

/**
 * A layer that computes an ensemble of ReLU and a smooth activation, element by element (paper sections 3.1, 3.2). It
 * has no weights. `PeaCallback` moves its α; `finalize` lets a ReLU layer stand in its place.
 *
 * Input and output: any shape, float32.
 *
 * @example model.add(new EnsembleActivation({ ensemble: "stochastic", smooth: "mish" }));
 * @throws PeaError of kind usage for a setting that cannot be
 */
export class EnsembleActivation extends tf.layers.Layer {
  static readonly className = "EnsembleActivation";
  readonly state: EnsembleState;

  constructor(args: EnsembleActivationArgs) {
    super({ name: args.name, trainable: args.trainable });
    this.supportsMasking = true;
    this.state = new EnsembleState(args);
  }

  override call(inputs: CallArguments[0], kwargs: CallArguments[1]): tf.Tensor {
    return inScope(kwargs, () => this.state.apply(onlyInput(inputs)));
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape | tf.Shape[] {
    return inputShape;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...this.state.config };
  }
}

/**
 * The ensemble as the activation of a dense or convolutional layer: `layer.activation`. Its name begins with a small
 * letter, as tfjs's own do, and is none that a layer would fuse.
 */
export class EnsembleFunction extends tf.serialization.Serializable {
  static readonly className = "ensembleFunction";
  readonly state: EnsembleState;

  constructor(config: EnsembleConfig) {
    super();
    this.state = new EnsembleState(config);
  }

  apply(x: tf.Tensor): tf.Tensor {
    return this.state.apply(x);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...this.state.config };
  }

  static override fromConfig<T extends tf.serialization.Serializable>(
    type: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
  ): T {
    return new type(config);
  }
}

// So that tf.loadLayersModel knows them again.
tf.serialization.registerClass(EnsembleActivation);
tf.serialization.registerClass(EnsembleFunction);
