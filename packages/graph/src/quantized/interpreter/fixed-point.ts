/**
 * Numbers as integers with a shift, multiplied and rounded as TensorFlow Lite's reference kernels do it: twice, first to the
 * upper half of the product of 32 bits, then by the shift.
 *
 * @module
 */

/** A factor ≥ 0 as significand · 2^(shift − 31). */
export interface Multiplier {
  /** From 2³⁰ to 2³¹ − 1, or 0. */
  readonly significand: number;
  /** At least −31. */
  readonly shift: number;
}

/** The multiplier next to a factor; factors below 2⁻³² become 0. */
export function multiplierOf(factor: number): Multiplier {
  if (factor === 0) return { significand: 0, shift: 0 };
  let shift = Math.max(-1074, Math.floor(Math.log2(factor)) + 1);
  // log2 may be off by one next to a power of two.
  while (factor >= 2 ** shift) shift++;
  while (factor < 2 ** (shift - 1)) shift--;
  let significand = Math.round((factor / 2 ** shift) * 2 ** 31);
  if (significand === 2 ** 31) {
    significand /= 2;
    shift++;
  }
  return shift < -31 ? { significand: 0, shift: 0 } : { significand, shift };
}

/**
 * value · significand · 2^(shift − 31), rounded twice.
 *
 * @param value of 32 bits, and so after the shift where that is above 0
 */
export function multiplied(value: number, significand: number, shift: number): number {
  return shift > 0
    ? upperHalf(value * 2 ** shift, significand)
    : dividedByPower(upperHalf(value, significand), -shift);
}

/** ⌊a · b / 2³¹ + ½⌋ of 32 bits each, b ≥ 0, in parts that are exact as numbers. */
function upperHalf(a: number, b: number): number {
  const upper = a >> 16;
  const lower = a & 0xffff;
  return Math.floor((upper * b + Math.floor((lower * b + 0x40000000) / 0x10000)) / 0x8000);
}

/**
 * value / 2^exponent to the nearest, halves away from 0.
 *
 * @param value of 32 bits
 * @param exponent from 0 to 31
 */
export function dividedByPower(value: number, exponent: number): number {
  const mask = ((1 << exponent) - 1) | 0;
  const half = (mask >> 1) + (value < 0 ? 1 : 0);
  return (value >> exponent) + ((value & mask) > half ? 1 : 0);
}

/** The largest sum whose product with a significand of 15 bits is exact as a number. */
const exactSum = 2 ** 37;

/** The same for sums of 48 bits, as networks with activations of int16 have them: by the significand's upper 15 bits, rounded once, halves up. */
export function multipliedWide(sum: number, significand: number, shift: number): number {
  const reduced = significand < 0x7fff0000 ? (significand + 0x8000) >> 16 : 0x7fff;
  const places = 15 - shift;
  if (Math.abs(sum) < exactSum) return Math.floor((sum * reduced + 2 ** (places - 1)) / 2 ** places);
  const rounded = BigInt(sum) * BigInt(reduced) + (1n << BigInt(places - 1));
  return Number(rounded >> BigInt(places));
}
