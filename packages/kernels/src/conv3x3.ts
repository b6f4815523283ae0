import type { Conv2dOptions, Tensor } from "@pea/torch";
import { callConvolution } from "./deferred-activation.ts";
import { isAround, isBoth } from "./pair.ts";
import { haveTransforms } from "./transformed-channels.ts";

/** Tiles of 2×4 outputs from which on there is time to gain. */
const LEAST_TILES = 40;

/** Numbers of one image up to which libtorch multiplies it, alone, by another library than a batch, and rounds less than half as much. */
const MOST_OF_SMALL_IMAGE = 20_480;

/**
 * 3×3 convolution of stride 1 and padding 1 by Winograd's F(4×4, 3×3), and F(2×4, 3×3) or F(2×2, 3×3) where that would
 * round too much; what `Conv2d` of @pea/torch runs on once the kernels are loaded: 4 to 2.25 times fewer multiplications
 * than libtorch's, in float32, with rounding errors of at most twice its (this package's README). Differentiable once.
 * Under autocast it is libtorch's.
 *
 * @param input [N, C, H, W] in channels_last
 * @param weight [K, C, 3, 3]
 * @param options with a padding of 1
 * @returns undefined, having done nothing, off the CPU, for other dtypes, memory formats, windows, strides, paddings,
 *   dilations and groups, where C or K is no multiple of 16, where little is to be gained, below 32 channels and for few
 *   outputs, and for a single small image, which libtorch rounds less than half as much
 */
export function conv3x3(input: Tensor, weight: Tensor, options: Conv2dOptions = {}): Tensor | undefined {
  const { bias, stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const [outputs = 0, inputs = 0, height, width] = weight.shape;
  if (height !== 3 || width !== 3 || !isBoth(stride, 1) || !isAround(padding, 1)) return undefined;
  if (!isBoth(dilation, 1) || groups !== 1 || !haveTransforms(inputs, outputs)) return undefined;
  if (input.ndim !== 4 || input.device !== "cpu" || !hasTiles(input.shape)) return undefined;
  if (input.dtype !== "float32" || weight.dtype !== "float32") return undefined;
  if (!input.isContiguous("channels_last")) return undefined;
  return callConvolution("pea::conv3x3", input, weight, bias);
}

function hasTiles([images = 0, channels = 0, height = 0, width = 0]: readonly number[]): boolean {
  if (images === 1 && channels * height * width <= MOST_OF_SMALL_IMAGE) return false;
  return images * Math.ceil(height / 2) * Math.ceil(width / 4) >= LEAST_TILES;
}
