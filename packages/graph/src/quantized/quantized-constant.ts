/** Constants as integers, and back. */
import type { Constant, TensorData } from "../graph.ts";
import { toInteger } from "./quantization.ts";
import type { IntegerType, Quantization } from "./quantized-graph.ts";

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
export function integers(type: IntegerType, length: number, value: (i: number) => number): TensorData {
  if (type === "int64") return BigInt64Array.from({ length }, (_, i) => BigInt(value(i)));
  const data = new arrays[type](length);
  for (let i = 0; i < length; i++) data[i] = value(i);
  return data;
}

const arrays = { int8: Int8Array, uint8: Uint8Array, int16: Int16Array, int32: Int32Array };

/** Which of the scales an element has. */
function places(shape: readonly number[], { axis, scales }: Quantization): (i: number) => number {
  if (axis === undefined || scales.length === 1) return () => 0;
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  return (i) => Math.floor(i / inner) % scales.length;
}
