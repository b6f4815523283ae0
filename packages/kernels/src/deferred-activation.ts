/**
 * Batch norm and activation that are left to whoever reads the result.
 *
 * @module
 */
import {
  type BatchNormState,
  call,
  type Deferral,
  deferralOf,
  deferred,
  enableGrad,
  isGradEnabled,
  keep,
  type Tensor,
  type Value,
} from "@pea/torch";
import { CHANNEL_BLOCK } from "./channel-block.ts";

/** An activation as operators take it: its name and, for an ensemble or a ReLU cut off, what `pea::ensemble_act` takes after its own. */
export type ActivationArguments = readonly [name: string, ...Value[]];

/**
 * Layers whose result was needed as a whole alone: they compute it at once from then on, bit for bit the same, gradients too. Where
 * an operator has read the deferred one as well, it stays so in every pass, since otherwise gradients would be summed in another
 * order from the second pass on, and a run that goes on would not be the same as one that was never stopped.
 */
const readAsWhole = new WeakSet<object>();

const layerOf = (state: BatchNormState): object => state.layer ?? state;

/**
 * The result of a batch norm and an activation, which an operator computes of the batch norm's input while it loads that, or
 * which is computed when anyone else needs it. The gradient of `like` is that of the result.
 */
export class DeferredActivation implements Deferral {
  /** Whether an operator has computed it while it loaded it. */
  isReadDeferred = false;

  constructor(
    readonly like: Tensor,
    readonly normalization: Tensor,
    readonly activation: ActivationArguments,
    readonly state: BatchNormState,
  ) {
    keep(like);
    keep(normalization);
  }

  compute(): Tensor {
    if (!this.isReadDeferred) readAsWhole.add(layerOf(this.state));
    return enableGrad(() => call("pea::apply_deferred", this.like, this.normalization, ...this.activation));
  }

  release(): void {
    this.like.dispose();
    this.normalization.dispose();
  }
}

/**
 * Calls a convolution's operator, which computes a deferred activation while it loads that.
 *
 * @param further the operator's arguments behind its input, up to the normalization
 */
export function callConvolution(operator: string, input: Tensor, ...further: Value[]): Tensor {
  const deferral = deferralOf(input);
  if (!(deferral instanceof DeferredActivation)) return call(operator, input, ...further);
  deferral.isReadDeferred = true;
  const { like, normalization, activation } = deferral;
  return call(operator, like, ...further, normalization, ...activation);
}

/**
 * A batch norm and an activation, or none (`identity`), whose result is deferred; undefined, having done nothing, without
 * gradients, in another memory format than channels_last, for a number of channels that is no multiple of 8, and
 * where somebody needed the layer's result as a whole before.
 */
export function deferBatchNormAct(
  input: Tensor,
  state: BatchNormState,
  activation: ActivationArguments,
): Tensor | undefined {
  const { weight, bias, runningMean, runningVar, training, momentum, eps } = state;
  if (readAsWhole.has(layerOf(state)) || !isGradEnabled() || !input.requiresGrad) return undefined;
  if (input.ndim !== 4 || input.numel === 0) return undefined;
  if (weight.numel % CHANNEL_BLOCK !== 0 || !input.isContiguous("channels_last")) return undefined;
  const vectors = [weight, bias, runningMean, runningVar];
  const [like, normalization] = call<Tensor[]>(
    "pea::defer_batch_norm_act",
    input,
    ...vectors,
    training,
    momentum,
    eps,
    ...activation,
  ) as [Tensor, Tensor];
  return deferred(new DeferredActivation(like, normalization, activation, state));
}
