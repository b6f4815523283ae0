/**
 * Activation functions, element by element on floating-point tensors of any shape (softmax and log-softmax:
 * along one dimension).
 * @module
 */
import { call } from "../call.ts";
import type { DType } from "../dtype.ts";
import { engineInfo } from "../engine.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { cast } from "./cast.ts";

/** max(x, 0). */
export function relu(self: Tensor): Tensor {
  return call("aten::relu", self);
}

/** min(max(x, min), max), with the gradient 0 outside; ReLU6 is `hardtanh(x, { min: 0, max: 6 })`. */
export function hardtanh(self: Tensor, options: { min?: number; max?: number } = {}): Tensor {
  const { min = -1, max = 1 } = optionsOf("hardtanh(x, { min, max })", options);
  return call("aten::hardtanh", self, min, max);
}

/** x for x > 0, else negativeSlope · x; 0.01 by default. */
export function leakyRelu(self: Tensor, options: { negativeSlope?: number } = {}): Tensor {
  const { negativeSlope } = optionsOf("leakyRelu(x, { negativeSlope })", options);
  return call("aten::leaky_relu", self, negativeSlope);
}

/** x for x > 0, else weight · x; weight [1], or [C] with one for each channel of [N, C, ...]. */
export function prelu(self: Tensor, weight: Tensor): Tensor {
  return call("aten::prelu", self, weight);
}

/** min(max(x / 6 + 1/2, 0), 1). */
export function hardsigmoid(self: Tensor): Tensor {
  return call("aten::hardsigmoid", self);
}

/** x · hardsigmoid(x). */
export function hardswish(self: Tensor): Tensor {
  return call("aten::hardswish", self);
}

/** x Φ(x): Φ by erf, or by `approximate: "tanh"` as ½ (1 + tanh(√(2/π) (x + 0.044715 x³))). */
export function gelu(self: Tensor, options: { approximate?: "none" | "tanh" } = {}): Tensor {
  const { approximate = "none" } = optionsOf("gelu(x, { approximate })", options);
  return approximate === "none" && isUnsafeForGelu(self)
    ? call("aten::mul.Tensor", self, call("aten::special_ndtr", self))
    : call("aten::gelu", self, approximate);
}

const hasGeluDefect = engineInfo().version.startsWith("1.");

/**
 * libtorch 1.13's backward of gelu mixes up elements when `self` is contiguous and the gradient that arrives is
 * channels_last. Nothing tells which gradient will arrive, so such tensors take the longer way.
 */
function isUnsafeForGelu(self: Tensor): boolean {
  return hasGeluDefect && self.ndim === 4 && self.isContiguous() && !self.isContiguous("channels_last");
}

/** x σ(x), also called Swish. */
export function silu(self: Tensor): Tensor {
  return call("aten::silu", self);
}

/** x tanh(ln(1 + eˣ)). Half precision is computed in float32: libtorch 1.13 has no other for the CPU. */
export function mish(self: Tensor): Tensor {
  const { dtype } = self;
  if (dtype !== "bfloat16" && dtype !== "float16") return call("aten::mish", self);
  return cast(call("aten::mish", cast(self, { dtype: "float32" })), { dtype });
}

/** x for x > 0, else alpha (eˣ − 1). */
export function elu(self: Tensor, options: { alpha?: number } = {}): Tensor {
  const { alpha } = optionsOf("elu(x, { alpha })", options);
  return call("aten::elu", self, alpha);
}

/** σ(x) = 1 / (1 + e⁻ˣ). */
export function sigmoid(self: Tensor): Tensor {
  return call("aten::sigmoid", self);
}

/** Hyperbolic tangent. */
export function tanh(self: Tensor): Tensor {
  return call("aten::tanh", self);
}

/** ln(1 + eˣ); beyond x = 20 the function is x itself. */
export function softplus(self: Tensor): Tensor {
  return call("aten::softplus", self);
}

/** e^x / Σ e^x along `dim`, stable for large x; with `dtype` the input is cast first. */
export function softmax(self: Tensor, dim: number, options: { dtype?: DType } = {}): Tensor {
  const { dtype } = optionsOf("softmax(x, dim, { dtype })", options);
  return call("aten::softmax.int", self, dim, dtype);
}

/** ln softmax(x) along `dim`, more precise than the logarithm of the softmax; with `dtype` cast first. */
export function logSoftmax(self: Tensor, dim: number, options: { dtype?: DType } = {}): Tensor {
  const { dtype } = optionsOf("logSoftmax(x, dim, { dtype })", options);
  return call("aten::log_softmax.int", self, dim, dtype);
}
