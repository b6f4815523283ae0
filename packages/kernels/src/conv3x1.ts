import { type Conv2dOptions, type Pair, sidesByAxis, type Tensor } from "@pea/torch";
import { callConvolution } from "./deferred-activation.ts";
import { isBoth } from "./pair.ts";
import { haveTransforms } from "./transformed-channels.ts";

/** Channels and tiles of 4 outputs below which libtorch's convolution is as fast. */
const LEAST_TILES = 256;
/** Outputs, of 4, that a tile has on average where libtorch's convolution is as fast. */
const LEAST_OUTPUTS = 2.5;

/**
 * 3×1 or 1×3 convolution of stride 1 that keeps the size, with any dilation, by Winograd's F(4, 3); what `Conv2d` of
 * @pea/torch runs on once the kernels are loaded: 2 times fewer multiplications than libtorch's, in float32, with rounding
 * errors of the same size (this package's README). Differentiable once. Under autocast it is libtorch's.
 *
 * @param input [N, C, H, W] in channels_last
 * @param weight [K, C, 3, 1] or [K, C, 1, 3]
 * @param options with a padding of the dilation along the window and of 0 across it
 * @returns undefined, having done nothing, off the CPU, for other dtypes, memory formats, windows, strides, paddings and
 *   groups, where C or K is no multiple of 16, and where little is to be gained: below 32 channels, for few outputs, and
 *   where the dilation leaves few of them to a tile
 */
export function conv3x1(input: Tensor, weight: Tensor, options: Conv2dOptions = {}): Tensor | undefined {
  const { bias, stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const [outputs = 0, inputs = 0, height = 0, width = 0] = weight.shape;
  if (height * width !== 3 || !isBoth(stride, 1) || groups !== 1) return undefined;
  const along = height === 3 ? 0 : 1;
  const apart = at(dilation, along);
  const isPadded = sidesByAxis(padding).every((sides, axis) => isBoth(sides, axis === along ? apart : 0));
  if (!isPadded) return undefined;
  if (!haveTransforms(inputs, outputs)) return undefined;
  if (input.ndim !== 4 || input.device !== "cpu" || !hasTiles(input.shape, along, apart)) return undefined;
  if (input.dtype !== "float32" || weight.dtype !== "float32") return undefined;
  if (!input.isContiguous("channels_last")) return undefined;
  return callConvolution("pea::conv3x1", input, weight, bias, apart);
}

function at(size: Pair, axis: number): number {
  return typeof size === "number" ? size : (size[axis] as number);
}

/** Tiles take outputs that lie the dilation apart. */
function hasTiles(
  [images = 0, , height = 0, width = 0]: readonly number[],
  along: number,
  apart: number,
): boolean {
  const [length, lines] = along === 0 ? [height, images * width] : [width, images * height];
  const longer = length % apart;
  const tilesOf = (outputs: number) => Math.ceil(outputs / 4);
  const pixels = Math.floor(length / apart);
  const tiles = longer * tilesOf(pixels + 1) + (apart - longer) * tilesOf(pixels);
  return lines * tiles >= LEAST_TILES && length >= LEAST_OUTPUTS * tiles;
}
