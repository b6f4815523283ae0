/**
 * From ranges of numbers to scales and zero points.
 *
 * @module
 */
import { boundsOf, type IntegerType, type Quantization } from "./quantized-graph.ts";
import type { Scheme } from "./scheme.ts";

/** The least and the greatest of some numbers. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** The greatest weight: −128 is left out, so that −w is one whenever w is. */
export const greatestWeight = 127;

/**
 * The quantization of a computed value. 0 is always one of the numbers that it can hold exactly.
 *
 * Asymmetric: scale = (max − min) / (greatest − least integer), zero point = least − min / scale, rounded; with min = 0, as
 * behind ReLU, it is the least integer. Symmetric: scale = max(|min|, |max|) / greatest integer.
 *
 * @param range of finite numbers, not both of them 0
 */
export function quantizationOf({ min, max }: Range, { activations: type, scales }: Scheme): Quantization {
  const [least, greatest] = boundsOf(type);
  const [low, high] = [Math.min(min, 0), Math.max(max, 0)];
  if (scales !== "asymmetric") {
    const scale = Math.max(-low, high) / greatest;
    return of(type, scales === "symmetric" ? scale : powerOfTwoAbove(scale), 0);
  }
  const scale = Math.fround((high - low) / (greatest - least));
  return of(type, scale, clamp(Math.round(least - low / scale), least, greatest));
}

/** That of numbers from 0 to 1 whose greatest is 1 less a step, as kernels fix it for a logistic function. */
export function unitQuantization({ activations: type, scales }: Scheme): Quantization {
  const [least, greatest] = boundsOf(type);
  return scales === "asymmetric"
    ? of(type, 1 / (greatest - least + 1), least)
    : of(type, 1 / (greatest + 1), 0);
}

function of(type: IntegerType, scale: number, zeroPoint: number): Quantization {
  return { type, scales: Float32Array.of(scale), zeroPoints: Int32Array.of(zeroPoint) };
}

/** The least power of two that is no smaller. */
export function powerOfTwoAbove(scale: number): number {
  const exponent = Math.ceil(Math.log2(scale));
  // The logarithm is rounded: of a power of two it may be a hair too large.
  return 2 ** (exponent - 1) >= scale ? 2 ** (exponent - 1) : 2 ** exponent;
}

/** The integer for a number: rounded, halves away from zero, within the type. */
export function toInteger({
  scale,
  zeroPoint,
  type,
}: {
  scale: number;
  zeroPoint: number;
  type: IntegerType;
}): (value: number) => number {
  const [least, greatest] = boundsOf(type);
  return (value) => clamp(roundAway(value / scale) + zeroPoint, least, greatest);
}

/** To the nearest whole number, halves away from 0, as C rounds. */
export function roundAway(value: number): number {
  return Math.sign(value) * Math.round(Math.abs(value));
}

function clamp(value: number, least: number, greatest: number): number {
  return Math.min(greatest, Math.max(least, value));
}
