/**
 * Initializers: each overwrites a tensor by draws from the global generator (see `manualSeed`) and returns it.
 * Fans of a weight [out, in / groups, ...kernel]: fan-in = in / groups · kernel elements, fan-out = out · kernel
 * elements; for a linear layer [out, in] the kernel is one element.
 * @module
 */
import { noGrad } from "../autograd.ts";
import { TorchError } from "../error.ts";
import {
  clampInPlace,
  erfinvInPlace,
  fillInPlace,
  mulInPlace,
  normalInPlace,
  uniformInPlace,
} from "../ops/in-place.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";

/** All zeros. */
export function zeros(self: Tensor): Tensor {
  return constant(self, 0);
}

/** All ones. */
export function ones(self: Tensor): Tensor {
  return constant(self, 1);
}

/** All one value. */
export function constant(self: Tensor, value: number): Tensor {
  return noGrad(() => fillInPlace(self, value));
}

/** Uniform in [low, high). */
export function uniform(self: Tensor, low: number, high: number): Tensor {
  return noGrad(() => uniformInPlace(self, { low, high }));
}

/** Normal with mean 0. */
export function normal(self: Tensor, std: number): Tensor {
  return noGrad(() => normalInPlace(self, { std }));
}

// Φ(2) − Φ(−2) = erf(√2): the share of a normal distribution within two standard deviations.
const erfSqrt2 = 0.9544997361036416;

/** Standard deviation of a standard normal that is cut at ±2. */
const truncatedStd = 0.8796256610342398;

/**
 * Normal with mean 0, cut at ±2 std and not rescaled: the standard deviation that results is 0.8796 std.
 * Drawn by the inverse distribution function: √2 erf⁻¹(u), u uniform in (−erf √2, erf √2).
 */
export function truncatedNormal(self: Tensor, std: number): Tensor {
  return noGrad(() => {
    uniformInPlace(self, { low: -erfSqrt2, high: erfSqrt2 });
    erfinvInPlace(self);
    mulInPlace(self, Math.SQRT2 * std);
    // Rounding in erf⁻¹ may overshoot the cut by an ulp.
    return clampInPlace(self, { min: -2 * std, max: 2 * std });
  });
}

/**
 * He initialization as Keras has it (`he_normal`): truncated normal, rescaled so that the standard deviation
 * that results is √(2 / fan-in). Source: networks.md, section 0.
 */
export function heTruncatedNormal(self: Tensor, options: { fanIn?: number } = {}): Tensor {
  const { fanIn = fans(self).fanIn } = optionsOf("heTruncatedNormal(weight, { fanIn })", options);
  return truncatedNormal(self, Math.sqrt(2 / fanIn) / truncatedStd);
}

/** He initialization as torchvision's ResNet has it: normal, std √(2 / fan-out). Source: networks.md, section 0. */
export function heNormal(self: Tensor): Tensor {
  return normal(self, Math.sqrt(2 / fans(self).fanOut));
}

/** Glorot initialization: uniform within ±√(6 / (fan-in + fan-out)). */
export function glorotUniform(self: Tensor): Tensor {
  const { fanIn, fanOut } = fans(self);
  const bound = Math.sqrt(6 / (fanIn + fanOut));
  return uniform(self, -bound, bound);
}

/** PyTorch's default for the weight of convolutions and linear layers: uniform within ±1 / √fan-in. */
export function layerDefault(self: Tensor, options: { fanIn?: number } = {}): Tensor {
  const { fanIn = fans(self).fanIn } = optionsOf("layerDefault(weight, { fanIn })", options);
  const bound = 1 / Math.sqrt(fanIn);
  return uniform(self, -bound, bound);
}

/**
 * Fan-in and fan-out of a weight.
 * @throws TorchError for tensors of fewer than two dimensions
 */
export function fans({ shape }: Tensor): { fanIn: number; fanOut: number } {
  const [outputs, inputs, ...kernel] = shape;
  if (outputs === undefined || inputs === undefined) {
    throw new TorchError(`fan-in and fan-out need a weight of at least two dimensions, got shape [${shape}]`);
  }
  const elements = kernel.reduce((product, size) => product * size, 1);
  return { fanIn: inputs * elements, fanOut: outputs * elements };
}
