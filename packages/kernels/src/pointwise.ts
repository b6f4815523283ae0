import type { Conv2dOptions, Tensor } from "@pea/torch";
import { CHANNEL_BLOCK } from "./channel-block.ts";
import { callConvolution } from "./deferred-activation.ts";
import { parameterDtypes } from "./dtypes.ts";
import { isAround, isBoth } from "./pair.ts";

/** Weights above which the products are most of the work: libtorch's convolution is as fast. */
const MOST_WEIGHTS = 512 * 512;

/**
 * 1×1 convolution of stride 1, what `Conv2d` of @pea/torch runs on once the kernels are loaded: both gradients in one pass
 * over the result's. Differentiable once. Under autocast it computes in bfloat16, sums in float32, and rounds the weights
 * to bfloat16 but not their gradient.
 *
 * @param input [N, C, H, W] in channels_last
 * @param weight [K, C, 1, 1]
 * @returns undefined, having done nothing, off the CPU, for other dtypes than float32, bfloat16 (both with float32 weights) and float64, memory formats, windows,
 *   strides, paddings and groups, where C or K is no multiple of 8, and for many channels
 */
export function pointwise(input: Tensor, weight: Tensor, options: Conv2dOptions = {}): Tensor | undefined {
  const { bias, stride = 1, padding = 0, groups = 1 } = options;
  const [outputs = 0, inputs = 0, height, width] = weight.shape;
  if (height !== 1 || width !== 1 || groups !== 1) return undefined;
  if (!isBoth(stride, 1) || !isAround(padding, 0)) return undefined;
  if (outputs % CHANNEL_BLOCK !== 0 || inputs % CHANNEL_BLOCK !== 0 || outputs * inputs > MOST_WEIGHTS)
    return undefined;
  if (input.ndim !== 4 || input.device !== "cpu" || weight.dtype !== parameterDtypes[input.dtype])
    return undefined;
  if (!input.isContiguous("channels_last")) return undefined;
  return callConvolution("pea::pointwise", input, weight, bias);
}
