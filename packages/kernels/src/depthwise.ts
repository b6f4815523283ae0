import type { Conv2dOptions, Tensor } from "@pea/torch";
import { CHANNEL_BLOCK } from "./channel-block.ts";
import { callConvolution } from "./deferred-activation.ts";
import { parameterDtypes } from "./dtypes.ts";
import { paddingBefore } from "./padding-before.ts";
import { isBoth } from "./pair.ts";

/**
 * Depthwise convolution of 3×3 or 5×5 windows and a stride of 1 or 2, which gives ⌈size / stride⌉ outputs along each axis: what
 * `Conv2d` of @pea/torch runs on once the kernels are loaded, both gradients in one pass over the result's. Differentiable
 * once. Under autocast it computes in bfloat16, with weights and sums in float32.
 *
 * @param input [N, C, H, W] in channels_last
 * @param weight [C, 1, 3, 3] or [C, 1, 5, 5]
 * @param options with C groups and a padding of half the window, or by a stride of 2 one less before each axis, as TensorFlow's
 *   SAME has it where sizes are even
 * @returns undefined, having done nothing, off the CPU, for other dtypes than float32, bfloat16 (both with float32 weights) and float64,
 *   memory formats, windows, strides, paddings, dilations and groups, and where C is no multiple of 8
 */
export function depthwise(input: Tensor, weight: Tensor, options: Conv2dOptions = {}): Tensor | undefined {
  const { bias, stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const [channels = 0, inputsOfGroup, window = 0, width] = weight.shape;
  if (window !== width || inputsOfGroup !== 1 || groups !== channels) return undefined;
  if ((window !== 3 && window !== 5) || !isBoth(dilation, 1)) return undefined;
  const step = [1, 2].find((value) => isBoth(stride, value));
  if (step === undefined || channels % CHANNEL_BLOCK !== 0) return undefined;
  if (input.ndim !== 4 || input.device !== "cpu" || weight.dtype !== parameterDtypes[input.dtype])
    return undefined;
  if (!input.isContiguous("channels_last")) return undefined;
  const before = paddingBefore(input.shape, window, step, padding);
  const half = (window - 1) / 2;
  if (!before?.every((zeros) => zeros === half || (step === 2 && zeros === half - 1))) return undefined;
  return callConvolution("pea::depthwise", input, weight, bias, step, before);
}
