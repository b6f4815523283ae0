/**
 * Convolutions (cross-correlations, as everywhere in the field). Shapes that do not fit throw a TorchError.
 * @module
 */
import { call } from "../call.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { requirePadding, type Sides } from "./padding.ts";
import type { Pair } from "./pair.ts";
import { pad } from "./shape.ts";

/** Options of a convolution. */
export interface ConvOptions<Size, Padding = Size> {
  /** One value per output channel. */
  bias?: Tensor | null;
  /** 1 by default. */
  stride?: Size;
  /** Zeros added on both sides of each axis, or in two dimensions on each side; 0 by default. */
  padding?: Padding;
  /** 1 by default. */
  dilation?: Size;
  /** Groups of channels that do not see each other; 1 by default. */
  groups?: number;
}

/** Options of a convolution in two dimensions. */
export type Conv2dOptions = ConvOptions<Pair, Pair | Sides>;

/** Options of a transposed convolution. */
export interface ConvTransposeOptions<Size> extends ConvOptions<Size> {
  /** Added to the output's size on one side, to tell apart what a stride rounds to the same; 0 by default. */
  outputPadding?: Size;
}

/** input [N, C, L], weight [out, C / groups, k] → [N, out, L′]. */
export function conv1d(input: Tensor, weight: Tensor, options: ConvOptions<number> = {}): Tensor {
  const { bias, stride, padding, dilation, groups } = optionsOf(
    "conv1d(x, weight, { bias, stride, padding, dilation, groups })",
    options,
  );
  requirePadding("conv1d", padding, [1]);
  return call("aten::conv1d", input, weight, bias, stride, padding, dilation, groups);
}

/** input [N, C, H, W], weight [out, C / groups, kh, kw] → [N, out, H′, W′]. */
export function conv2d(input: Tensor, weight: Tensor, options: Conv2dOptions = {}): Tensor {
  const { bias, stride, padding, dilation, groups } = optionsOf(
    "conv2d(x, weight, { bias, stride, padding, dilation, groups })",
    options,
  );
  requirePadding("conv2d", padding, [2, 4]);
  if (typeof padding === "object" && padding.length === 4)
    return call("aten::conv2d", pad(input, padding), weight, bias, stride, 0, dilation, groups);
  return call("aten::conv2d", input, weight, bias, stride, padding, dilation, groups);
}

/**
 * The transpose of `conv1d`: input [N, C, L], weight [C, out / groups, k] → [N, out, L′] with
 * L′ = (L − 1) · stride − 2 · padding + dilation · (k − 1) + outputPadding + 1.
 */
export function convTranspose1d(
  input: Tensor,
  weight: Tensor,
  options: ConvTransposeOptions<number> = {},
): Tensor {
  return transposed("aten::conv_transpose1d", "convTranspose1d", 1, input, weight, options);
}

/**
 * The transpose of `conv2d`: input [N, C, H, W], weight [C, out / groups, kh, kw] → [N, out, H′, W′] with
 * H′ = (H − 1) · stride − 2 · padding + dilation · (kh − 1) + outputPadding + 1.
 */
export function convTranspose2d(
  input: Tensor,
  weight: Tensor,
  options: ConvTransposeOptions<Pair> = {},
): Tensor {
  return transposed("aten::conv_transpose2d.input", "convTranspose2d", 2, input, weight, options);
}

function transposed<Size extends Pair>(
  operator: string,
  name: string,
  axes: 1 | 2,
  input: Tensor,
  weight: Tensor,
  options: ConvTransposeOptions<Size>,
): Tensor {
  const { bias, stride, padding, outputPadding, dilation, groups } = optionsOf(
    `${name}(x, weight, { bias, stride, padding, outputPadding, groups, dilation })`,
    options,
  );
  requirePadding(name, padding, [axes]);
  return call(operator, input, weight, bias, stride, padding, outputPadding, groups, dilation);
}
