/** Constants as integers, and back. */
import type { Constant } from "../graph.ts";
import { toInteger } from "./quantization.ts";
import { type Integers, type IntegerType, integersOf, type Quantization } from "./quantized-graph.ts";

/** A constant of floats as integers of at most 32 bits. */
export function quantizedConstant({ shape, data }: Constant, quantization: Quantization): Constant {
  const { type, scales, zeroPoints } = quantization;
  const integers = integersOf(type, data.length) as Exclude<Integers, BigInt64Array>;
  eachRun(shape, quantization, (place, from, to) => {
    const integerOf = toInteger({
      type,
      scale: scales[place] as number,
      zeroPoint: zeroPoints[place] as number,
    });
    for (let i = from; i < to; i++) integers[i] = integerOf(Number(data[i]));
  });
  return { shape, data: integers };
}

/** The floats that a constant of integers stands for: each the product in float32. */
export function dequantizedConstant({ shape, data }: Constant, quantization: Quantization): Constant {
  const { scales, zeroPoints } = quantization;
  const floats = new Float32Array(data.length);
  eachRun(shape, quantization, (place, from, to) => {
    const [scale, zeroPoint] = [scales[place] as number, zeroPoints[place] as number];
    for (let i = from; i < to; i++) floats[i] = (Number(data[i]) - zeroPoint) * scale;
  });
  return { shape, data: floats };
}

/** Integers of a type, one by one. */
export function integers(type: IntegerType, length: number, value: (i: number) => number): Integers {
  const data = integersOf(type, length);
  if (data instanceof BigInt64Array) return data.map((_, i) => BigInt(value(i)));
  for (let i = 0; i < length; i++) data[i] = value(i);
  return data;
}

/** Tells of elements that follow each other and have one scale: its place, and the elements' from and to. */
function eachRun(
  shape: readonly number[],
  { axis, scales }: Quantization,
  tell: (place: number, from: number, to: number) => void,
): void {
  const count = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);
  const length = count(shape);
  const run = axis === undefined || scales.length === 1 ? length : count(shape.slice(axis + 1));
  for (let from = 0; from < length; from += run) tell((from / run) % scales.length, from, from + run);
}
