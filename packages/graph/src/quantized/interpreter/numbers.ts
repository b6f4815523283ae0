/** Numbers to integers and back. */
import type { TensorData } from "../../graph.ts";
import { roundAway } from "../quantization.ts";
import { boundsOf, type Integers, integersOf, type Quantization } from "../quantized-graph.ts";

/**
 * The integers that stand for numbers: round(number / scale) + zero point, halves away from 0, divided in float32, kept
 * within the type.
 *
 * @param quantization of one scale
 */
export function quantized(numbers: Float32Array, { type, scales, zeroPoints }: Quantization): Integers {
  const [scale = 1] = scales;
  const [zeroPoint = 0] = zeroPoints;
  const [least, greatest] = boundsOf(type);
  const integers = integersOf(type, numbers.length) as Int8Array;
  for (let i = 0; i < numbers.length; i++) {
    const steps = roundAway(Math.fround((numbers[i] as number) / scale)) + zeroPoint;
    integers[i] = Math.min(greatest, Math.max(least, steps));
  }
  return integers;
}

/**
 * The numbers that integers stand for: scale · (integer − zero point).
 *
 * @param quantization of one scale
 */
export function numbersOf(integers: TensorData, { scales, zeroPoints }: Quantization): Float32Array {
  const [scale = 1] = scales;
  const [zeroPoint = 0] = zeroPoints;
  const numbers = new Float32Array(integers.length);
  for (let i = 0; i < integers.length; i++) numbers[i] = scale * (Number(integers[i]) - zeroPoint);
  return numbers;
}
