/**
 * Shapes. Views share memory with their tensor: writing into one changes both. A shape that does not fit
 * throws a TorchError; negative dimensions count from the end.
 * @module
 */
import { call } from "../call.ts";
import { TorchError } from "../error.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { isChannelsLast } from "./format.ts";

/** The same elements in another shape, one size may be −1; a view where the strides allow it, else a copy. */
export function reshape(self: Tensor, shape: readonly number[]): Tensor {
  return call("aten::reshape", self, shape);
}

/** As `reshape`, but always a view: strides that do not allow one are an error. */
export function view(self: Tensor, shape: readonly number[]): Tensor {
  return call("aten::view", self, shape);
}

/** View with the dimensions in another order. */
export function permute(self: Tensor, dims: readonly number[]): Tensor {
  return call("aten::permute", self, dims);
}

/** View with two dimensions exchanged. */
export function transpose(self: Tensor, dim0: number, dim1: number): Tensor {
  return call("aten::transpose.int", self, dim0, dim1);
}

/** Dimensions startDim … endDim (0 … −1 by default) as one. */
export function flatten(self: Tensor, options: { startDim?: number; endDim?: number } = {}): Tensor {
  const { startDim, endDim } = optionsOf("flatten(x, { startDim, endDim })", options);
  return call("aten::flatten.using_ints", self, startDim, endDim);
}

/** View without the dimensions of size 1, or without `dim` if its size is 1. */
export function squeeze(self: Tensor, options: { dim?: number } = {}): Tensor {
  const { dim } = optionsOf("squeeze(x, { dim })", options);
  return dim === undefined ? call("aten::squeeze", self) : call("aten::squeeze.dim", self, dim);
}

/** View with a new dimension of size 1 at `dim`. */
export function unsqueeze(self: Tensor, dim: number): Tensor {
  return call("aten::unsqueeze", self, dim);
}

/** View that repeats dimensions of size 1 (and new leading ones) without copying; −1 keeps a size. */
export function expand(self: Tensor, shape: readonly number[]): Tensor {
  return call("aten::expand", self, shape);
}

/** Tensors one after the other along `dim` (0 by default); all other sizes must agree. */
export function cat(tensors: readonly Tensor[], options: { dim?: number } = {}): Tensor {
  const { dim } = optionsOf("cat([a, b], { dim })", options);
  return call("aten::cat", tensors, dim);
}

/** Tensors of one shape along a new dimension `dim` (0 by default). */
export function stack(tensors: readonly Tensor[], options: { dim?: number } = {}): Tensor {
  const { dim } = optionsOf("stack([a, b], { dim })", options);
  return call("aten::stack", tensors, dim);
}

/** Views of `size` elements each along `dim` (the last may be smaller), or of the given sizes. */
export function split(
  self: Tensor,
  size: number | readonly number[],
  options: { dim?: number } = {},
): Tensor[] {
  const { dim } = optionsOf("split(x, size, { dim })", options);
  return call<Tensor[]>(
    typeof size === "number" ? "aten::split.Tensor" : "aten::split.sizes",
    self,
    size,
    dim,
  );
}

/** Views of as many parts of one length along `dim`, of which the last may be smaller, or lack. */
export function chunk(self: Tensor, chunks: number, options: { dim?: number } = {}): Tensor[] {
  const { dim } = optionsOf("chunk(x, chunks, { dim })", options);
  return call<Tensor[]>("aten::chunk", self, chunks, dim);
}

/** View of `length` elements along `dim` from `start`. */
export function narrow(self: Tensor, dim: number, start: number, length: number): Tensor {
  return call("aten::narrow", self, dim, start, length);
}

/** View of one position along `dim`, which is removed. */
export function select(self: Tensor, dim: number, index: number): Tensor {
  return call("aten::select.int", self, dim, index);
}

/** View of the positions start … end − 1 along `dim`, each `step`-th; bounds outside are cut off. */
export function slice(
  self: Tensor,
  options: { dim?: number; start?: number; end?: number; step?: number },
): Tensor {
  const { dim, start, end, step } = optionsOf("slice(x, { dim, start, end, step })", options);
  return call("aten::slice.Tensor", self, dim, start, end, step);
}

/** Elements added around the last dimensions: [left, right] of the last, then of the one before it, … */
export function pad(
  self: Tensor,
  padding: readonly number[],
  options: { mode?: "constant" | "reflect" | "replicate" | "circular"; value?: number } = {},
): Tensor {
  const { mode, value } = optionsOf("pad(x, padding, { mode, value })", options);
  return call("aten::pad", self, padding, mode, value);
}

/** Copy with the order along `dims` reversed. */
export function flip(self: Tensor, dims: readonly number[]): Tensor {
  return call("aten::flip", self, dims);
}

/** Channels of [N, C, ...] dealt out from `groups` packs in turn: channel i · groups + g is channel g · C / groups + i. */
export function channelShuffle(self: Tensor, groups: number): Tensor {
  const [batch = 0, channels = 0, ...image] = self.shape;
  if (channels % groups !== 0)
    throw new TorchError(
      `channelShuffle deals out from ${groups} groups, which do not divide ${channels} channels`,
    );
  const packed = [groups, channels / groups];
  // libtorch 1.13's own operator has no derivative.
  if (!isChannelsLast(self))
    return reshape(transpose(reshape(self, [batch, ...packed, ...image]), 1, 2), self.shape);
  // As the pixels lie: one copy, of neighbours.
  const pixels = reshape(permute(self, [0, 2, 3, 1]), [batch, ...image, ...packed]);
  return permute(reshape(transpose(pixels, 3, 4), [batch, ...image, channels]), [0, 3, 1, 2]);
}

/** [N, C · f², H, W] → [N, C, H · f, W · f]: each channel's f² neighbours become pixels. */
export function pixelShuffle(self: Tensor, factor: number): Tensor {
  return call("aten::pixel_shuffle", self, factor);
}

/** [N, C, H · f, W · f] → [N, C · f², H, W], the inverse of `pixelShuffle`. */
export function pixelUnshuffle(self: Tensor, factor: number): Tensor {
  return call("aten::pixel_unshuffle", self, factor);
}
