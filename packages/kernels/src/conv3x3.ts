import { type Conv2dOptions, call, type Tensor } from "@pea/torch";
import { deferredActivationOf } from "./deferred-activation.ts";
import { isBoth } from "./pair.ts";

/** What the channels of both sides must be multiples of. */
const CHANNEL_BLOCK = 16;
/** Channels and 2×2 tiles of outputs below which libtorch's convolution is as fast. */
const LEAST_CHANNELS = 32;
const LEAST_TILES = 128;

/**
 * 3×3 convolution of stride 1 and padding 1 by Winograd's F(2×2, 3×3), what `Conv2d` of @pea/torch runs on once the
 * kernels are loaded: 2.25 times fewer multiplications than libtorch's, in float32, with rounding errors of the same size
 * (this package's README). Differentiable once. Under autocast it is libtorch's.
 *
 * @param input [N, C, H, W] in channels_last
 * @param weight [K, C, 3, 3]
 * @param options with a padding of 1
 * @returns undefined, having done nothing, off the CPU, for other dtypes, memory formats, windows, strides, paddings,
 *   dilations and groups, where C or K is no multiple of 16, and where little is to be gained: below 32 channels and for
 *   few outputs
 */
export function conv3x3(input: Tensor, weight: Tensor, options: Conv2dOptions = {}): Tensor | undefined {
  const { bias, stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const [outputs = 0, inputs = 0, height, width] = weight.shape;
  if (height !== 3 || width !== 3 || !isBoth(stride, 1) || !isBoth(padding, 1)) return undefined;
  if (!isBoth(dilation, 1) || groups !== 1 || !isWorthwhile(inputs) || !isWorthwhile(outputs))
    return undefined;
  if (input.ndim !== 4 || input.device !== "cpu" || !hasTiles(input.shape)) return undefined;
  if (input.dtype !== "float32" || weight.dtype !== "float32") return undefined;
  if (!input.isContiguous("channels_last")) return undefined;
  const deferred = deferredActivationOf(input);
  if (deferred === undefined) return call("pea::conv3x3", input, weight, bias);
  const { like, normalization, activation } = deferred;
  return call("pea::conv3x3", like, weight, bias, normalization, ...activation);
}

function isWorthwhile(channels: number): boolean {
  return channels >= LEAST_CHANNELS && channels % CHANNEL_BLOCK === 0;
}

function hasTiles([images = 0, , height = 0, width = 0]: readonly number[]): boolean {
  return images * Math.ceil(height / 2) * Math.ceil(width / 2) >= LEAST_TILES;
}
