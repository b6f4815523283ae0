/**
 * Operators that write into their first argument and return it. A leaf that requires a gradient may be
 * written only under `noGrad`.
 * @module
 */
import { call, type Value } from "../call.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { isTensor, type Operand, type Scalar } from "./operand.ts";
import type { AlphaOptions } from "./pointwise.ts";

/** self ← self + alpha · other; other broadcasts to the shape of self. */
export function addInPlace(self: Tensor, other: Operand, options: AlphaOptions = {}): Tensor {
  const { alpha } = optionsOf("addInPlace(x, y, { alpha })", options);
  return inPlace(isTensor(other) ? "aten::add_.Tensor" : "aten::add_.Scalar", self, other, alpha);
}

/** self ← self · other; other broadcasts to the shape of self. */
export function mulInPlace(self: Tensor, other: Operand): Tensor {
  return inPlace(isTensor(other) ? "aten::mul_.Tensor" : "aten::mul_.Scalar", self, other);
}

/** self ← source, cast to the dtype and device of self; the source broadcasts to the shape of self. */
export function copyInPlace(self: Tensor, source: Tensor): Tensor {
  return inPlace("aten::copy_", self, source);
}

/** self ← 0. */
export function zeroInPlace(self: Tensor): Tensor {
  return inPlace("aten::zero_", self);
}

/** self ← value. */
export function fillInPlace(self: Tensor, value: Scalar): Tensor {
  return inPlace("aten::fill_.Scalar", self, value);
}

/** self ← max(self, 0). */
export function reluInPlace(self: Tensor): Tensor {
  return inPlace("aten::relu_", self);
}

/** self ← min(max(self, min), max). */
export function clampInPlace(self: Tensor, options: { min?: Scalar; max?: Scalar }): Tensor {
  const { min, max } = optionsOf("clampInPlace(x, { min, max })", options);
  return inPlace("aten::clamp_", self, min, max);
}

/** self ← inverse error function of self; ±∞ at ±1, NaN beyond. */
export function erfinvInPlace(self: Tensor): Tensor {
  return inPlace("aten::erfinv_", self);
}

/** self ← independent draws, uniform in [low, high). */
export function uniformInPlace(self: Tensor, options: { low?: number; high?: number } = {}): Tensor {
  const { low = 0, high = 1 } = optionsOf("uniformInPlace(x, { low, high })", options);
  return inPlace("aten::uniform_", self, low, high);
}

/** self ← independent normal draws. */
export function normalInPlace(self: Tensor, options: { mean?: number; std?: number } = {}): Tensor {
  const { mean = 0, std = 1 } = optionsOf("normalInPlace(x, { mean, std })", options);
  return inPlace("aten::normal_", self, mean, std);
}

/** The operator returns its first argument in a second handle, which is not needed. */
function inPlace(name: string, self: Tensor, ...args: Value[]): Tensor {
  call(name, self, ...args).dispose();
  return self;
}
