import { type Conv2dOptions, call, type Pair, sidesOf, type Tensor } from "@pea/torch";
import { deferredActivationOf } from "./deferred-activation.ts";
import { isBoth } from "./pair.ts";

/** What the channels of both sides must be multiples of. */
const CHANNEL_BLOCK = 16;
/** Channels and tiles of 4 outputs below which libtorch's convolution is as fast. */
const LEAST_CHANNELS = 32;
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
  const [left, right, top, bottom] = sidesOf(padding);
  const [around, across] =
    along === 0
      ? [
          [top, bottom],
          [left, right],
        ]
      : [
          [left, right],
          [top, bottom],
        ];
  if (!around.every((zeros) => zeros === apart) || !across.every((zeros) => zeros === 0)) return undefined;
  if (!isWorthwhile(inputs) || !isWorthwhile(outputs)) return undefined;
  if (input.ndim !== 4 || input.device !== "cpu" || !hasTiles(input.shape, along, apart)) return undefined;
  if (input.dtype !== "float32" || weight.dtype !== "float32") return undefined;
  if (!input.isContiguous("channels_last")) return undefined;
  const deferred = deferredActivationOf(input);
  if (deferred === undefined) return call("pea::conv3x1", input, weight, bias, apart);
  const { like, normalization, activation } = deferred;
  return call("pea::conv3x1", like, weight, bias, apart, normalization, ...activation);
}

function at(size: Pair, axis: number): number {
  return typeof size === "number" ? size : (size[axis] as number);
}

function isWorthwhile(channels: number): boolean {
  return channels >= LEAST_CHANNELS && channels % CHANNEL_BLOCK === 0;
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
