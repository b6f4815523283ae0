/** Numbers to integers and back. */
import type { TensorData } from "../../graph.ts";
import { boundsOf, type IntegerType, type Quantization } from "../quantized-graph.ts";
import { rounded } from "./fixed-point.ts";

/** Integers, row-major. */
export type Integers = Int8Array | Uint8Array | Int16Array | Int32Array | BigInt64Array;

/** Memory for so many integers of a type. */
export function integersOf(type: IntegerType, length: number): Integers {
  return new arrays[type](length);
}

const arrays = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
} as const;

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
    const steps = rounded(Math.fround((numbers[i] as number) / scale)) + zeroPoint;
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
