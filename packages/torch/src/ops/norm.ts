/**
 * Batch and layer normalization, and dropout.
 * @module
 */
import { call } from "../call.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";

/** Options of batch normalization; every tensor is [C]. */
export interface BatchNormOptions {
  weight?: Tensor | null;
  bias?: Tensor | null;
  /** Updated in place in training, used in inference. */
  runningMean?: Tensor | null;
  /** Updated in place in training with the unbiased variance, used in inference. */
  runningVar?: Tensor | null;
  /** Normalize by the statistics of the batch (biased variance) rather than by the running ones. */
  training?: boolean;
  /** Weight of the batch in the running statistics; 0.1 by default. */
  momentum?: number;
  /** Added to the variance; 1e-5 by default. */
  eps?: number;
}

/** (x − mean) / √(variance + eps) · weight + bias per channel of [N, C, ...]. */
export function batchNorm(input: Tensor, options: BatchNormOptions): Tensor {
  const {
    weight = null,
    bias = null,
    runningMean = null,
    runningVar = null,
    training = false,
    momentum = 0.1,
    eps = 1e-5,
  } = optionsOf("batchNorm(x, { runningMean, runningVar, weight, bias, training, momentum, eps })", options);
  const cudnn = true;
  return call(
    "aten::batch_norm",
    input,
    weight,
    bias,
    runningMean,
    runningVar,
    training,
    momentum,
    eps,
    cudnn,
  );
}

/** (x − mean) / √(variance + eps) · weight + bias over the last axes, whose sizes are `shape`; weight and bias of that shape. */
export function layerNorm(
  input: Tensor,
  shape: readonly number[],
  options: { weight?: Tensor | null; bias?: Tensor | null; eps?: number } = {},
): Tensor {
  const {
    weight = null,
    bias = null,
    eps = 1e-5,
  } = optionsOf("layerNorm(x, shape, { weight, bias, eps })", options);
  return call("aten::layer_norm", input, shape, weight, bias, eps);
}

/** Zeroes each element with probability p and scales the others by 1 / (1 − p); the input when not training. */
export function dropout(input: Tensor, p: number, options: { training?: boolean } = {}): Tensor {
  const { training = true } = optionsOf("dropout(x, p, { training })", options);
  return call("aten::dropout", input, p, training);
}

/** As `dropout`, but zeroes whole channels of [N, C, ...]. */
export function featureDropout(input: Tensor, p: number, options: { training?: boolean } = {}): Tensor {
  const { training = true } = optionsOf("featureDropout(x, p, { training })", options);
  return call("aten::feature_dropout", input, p, training);
}
