import { type ConvOptions, call, type Pair, type Tensor } from "@pea/torch";
import { deferredActivationOf } from "./deferred-activation.ts";
import { isBoth } from "./pair.ts";

/** What the number of channels must be a multiple of. */
const CHANNEL_BLOCK = 8;
const dtypes = ["float32", "float64"];

/**
 * Depthwise 3×3 convolution of padding 1 and a stride of 1 or 2, what `Conv2d` of @pea/torch runs on once the kernels are
 * loaded: both gradients in one pass over the result's. Differentiable once. Under autocast it is libtorch's.
 *
 * @param input [N, C, H, W] in channels_last
 * @param weight [C, 1, 3, 3]
 * @param options with C groups and a padding of 1
 * @returns undefined, having done nothing, off the CPU, for other dtypes than float32 and float64, memory formats,
 *   windows, strides, paddings, dilations and groups, and where C is no multiple of 8
 */
export function depthwise3x3(
  input: Tensor,
  weight: Tensor,
  options: ConvOptions<Pair> = {},
): Tensor | undefined {
  const { bias, stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const [channels = 0, inputsOfGroup, height, width] = weight.shape;
  if (height !== 3 || width !== 3 || inputsOfGroup !== 1 || groups !== channels) return undefined;
  const step = [1, 2].find((value) => isBoth(stride, value));
  if (step === undefined || !isBoth(padding, 1) || !isBoth(dilation, 1)) return undefined;
  if (channels % CHANNEL_BLOCK !== 0 || input.ndim !== 4 || input.device !== "cpu") return undefined;
  if (!dtypes.includes(input.dtype) || weight.dtype !== input.dtype) return undefined;
  if (!input.isContiguous("channels_last")) return undefined;
  const deferred = deferredActivationOf(input);
  if (deferred === undefined) return call("pea::depthwise3x3", input, weight, bias, step);
  const { like, normalization, activation } = deferred;
  return call("pea::depthwise3x3", like, weight, bias, step, normalization, ...activation);
}
