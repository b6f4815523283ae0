/** Constants as integers, and back. */
import type { Constant } from "../graph.ts";
import { toInteger } from "./quantization.ts";
import { type Integers, type IntegerType, integersOf, type Quantization } from "./quantized-graph.ts";

/** A constant of floats as integers. */
export function quantizedConstant({ shape, data }: Constant, quantization: Quantization): Constant {
  const placeOf = places(shape, quantization);
  const { type, scales, zeroPoints } = quantization;
  return {
    shape,
    data: integers(type, data.length, (i) => {
      const place = placeOf(i);
      const [scale, zeroPoint] = [scales[place] as number, zeroPoints[place] as number];
      return toInteger(Number(data[i]), { type, scale, zeroPoint });
    }),
  };
}

/** The floats that a constant of integers stands for: each the product in float32. */
export function dequantizedConstant({ shape, data }: Constant, quantization: Quantization): Constant {
  const placeOf = places(shape, quantization);
  const { scales, zeroPoints } = quantization;
  return {
    shape,
    data: Float32Array.from({ length: data.length }, (_, i) => {
      const place = placeOf(i);
      return (Number(data[i]) - (zeroPoints[place] as number)) * (scales[place] as number);
    }),
  };
}

/** Integers of a type, one by one. */
export function integers(type: IntegerType, length: number, value: (i: number) => number): Integers {
  const data = integersOf(type, length);
  if (data instanceof BigInt64Array) return data.map((_, i) => BigInt(value(i)));
  for (let i = 0; i < length; i++) data[i] = value(i);
  return data;
}

/** Which of the scales an element has. */
function places(shape: readonly number[], { axis, scales }: Quantization): (i: number) => number {
  if (axis === undefined || scales.length === 1) return () => 0;
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  return (i) => Math.floor(i / inner) % scales.length;
}
