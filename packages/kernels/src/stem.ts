import { type Conv2dOptions, call, type Pair, type Sides, sidesByAxis, type Tensor } from "@pea/torch";
import { CHANNEL_BLOCK } from "./channel-block.ts";
import { parameterDtypes } from "./dtypes.ts";
import { paddingBefore } from "./padding-before.ts";
import { isBoth } from "./pair.ts";

const MOST_CHANNELS = 4;
const MOST_WINDOW = 7;
/** Outputs of several channels, between these, of which libtorch's convolution is faster. */
const FEW_OUTPUTS = 8;
const MANY_OUTPUTS = 32;

/**
 * Convolution of square windows from 2×2 to 7×7 over the 1 to 4 channels of images, of stride 1 or 2, which gives
 * ⌈size / stride⌉ outputs along each axis: what `Conv2d` of @pea/torch runs on once the kernels are loaded. Differentiable once; the
 * gradient of the images, which training asks nobody for, is libtorch's. Under autocast it computes in bfloat16 and sums in float32.
 *
 * @param input [N, C, H, W] in channels_last
 * @param weight [K, C, k, k]
 * @param options with a padding of less than the window before each axis
 * @returns undefined, having done nothing, off the CPU, for other dtypes than float32, bfloat16 (both with float32 weights) and
 *   float64, memory formats, windows, strides, paddings, dilations and groups, for more channels, where K is no multiple of 8, and for 16 and 24 outputs of
 *   several channels padded by as much behind as before
 */
export function stem(input: Tensor, weight: Tensor, options: Conv2dOptions = {}): Tensor | undefined {
  const { bias, stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const [outputs = 0, inputs = 0, window = 0, width] = weight.shape;
  if (window !== width || window < 2 || window > MOST_WINDOW) return undefined;
  if (inputs > MOST_CHANNELS || outputs % CHANNEL_BLOCK !== 0 || groups !== 1 || !isBoth(dilation, 1))
    return undefined;
  const step = [1, 2].find((value) => isBoth(stride, value));
  if (step === undefined || input.ndim !== 4 || input.device !== "cpu") return undefined;
  if (weight.dtype !== parameterDtypes[input.dtype] || !input.isContiguous("channels_last")) return undefined;
  const before = paddingBefore(input.shape, window, step, padding);
  if (before === undefined || before.some((zeros) => zeros >= window)) return undefined;
  if (inputs > 1 && outputs > FEW_OUTPUTS && outputs < MANY_OUTPUTS && isEven(padding)) return undefined;
  return call("pea::stem", input, weight, bias, step, before);
}

/** Whether libtorch puts the zeros around images itself. */
function isEven(padding: Pair | Sides): boolean {
  return sidesByAxis(padding).every(([before, after]) => before === after);
}
