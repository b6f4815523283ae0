/**
 * Numbers rounded to those that integers can stand for, still as floats.
 *
 * @module
 */
import { call } from "../call.ts";
import { full } from "../create.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";

/** Of the integers: their bounds, which are int8's by default. */
export interface FakeQuantizeOptions {
  /** The least integer. */
  min?: number;
  /** The greatest integer. */
  max?: number;
}

/**
 * scale · (q − zeroPoint) with q = round(x / scale) + zeroPoint, halves to even, between the bounds. The gradient is 1 where q
 * is not cut off by a bound, else 0.
 *
 * @param self float32
 * @param scale above 0
 * @param zeroPoint an integer between the bounds
 */
export function fakeQuantize(
  self: Tensor,
  scale: number,
  zeroPoint: number,
  options: FakeQuantizeOptions = {},
): Tensor {
  const { min = -128, max = 127 } = optionsOf("fakeQuantize(x, scale, zeroPoint, { min, max })", options);
  return call("aten::fake_quantize_per_tensor_affine", self, scale, zeroPoint, min, max);
}

/**
 * The same with a scale for each place along `dim` (0 by default).
 *
 * @param self float32
 * @param scales float32 [places], above 0
 * @param zeroPoints int32 [places]
 */
export function fakeQuantizePerChannel(
  self: Tensor,
  scales: Tensor,
  zeroPoints: Tensor,
  options: FakeQuantizeOptions & { dim?: number } = {},
): Tensor {
  const {
    dim = 0,
    min = -128,
    max = 127,
  } = optionsOf("fakeQuantizePerChannel(x, scales, zeroPoints, { dim, min, max })", options);
  return call("aten::fake_quantize_per_channel_affine", self, scales, zeroPoints, dim, min, max);
}

/**
 * `fakeQuantize` by a scale that is learned: with q before it is cut off, ∂/∂scale is the sum over all numbers of gradient · r,
 * where r is round(x / scale) − x / scale between the bounds, and the bound − zeroPoint beyond one, times `gradientFactor`.
 *
 * @param self float32
 * @param scale float32 [1], above 0
 * @param zeroPoint an integer between the bounds
 * @see Esser et al., Learned Step Size Quantization, 2020, equation 3
 */
export function fakeQuantizeLearned(
  self: Tensor,
  scale: Tensor,
  zeroPoint: number,
  options: FakeQuantizeOptions & { gradientFactor?: number } = {},
): Tensor {
  const {
    min = -128,
    max = 127,
    gradientFactor = 1,
  } = optionsOf("fakeQuantizeLearned(x, scale, zeroPoint, { min, max, gradientFactor })", options);
  // Counted from the least integer on: libtorch's backward pass cuts zero points below 0 off to the wrong side.
  const place = full([1], zeroPoint - min, { device: self.device });
  return call(
    "aten::_fake_quantize_learnable_per_tensor_affine",
    ...[self, scale, place, 0, max - min, gradientFactor],
  );
}
