/**
 * Numbers rounded to those that integers can stand for, still as floats.
 *
 * @module
 */
import { call } from "../call.ts";
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
