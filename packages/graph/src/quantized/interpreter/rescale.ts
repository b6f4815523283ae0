/** Sums to integers of the output's scale. */
import type { Integers, Quantization } from "../quantized-graph.ts";
import type { QuantizedSite } from "../quantized-site.ts";
import { type Multiplier, multiplied, multipliedWide, multiplierOf } from "./fixed-point.ts";

/** What turns sums into the output's integers. */
export interface Rescale {
  readonly zeroPoint: number;
  readonly least: number;
  readonly greatest: number;
  /** Of 48 bits, rounded once. */
  readonly isWide: boolean;
}

/** Of a layer's output. */
export function rescaleOf(site: QuantizedSite): Rescale {
  const [least, greatest] = site.outputBounds();
  const { type, zeroPoints } = site.outputQuantization();
  return { zeroPoint: zeroPoints[0] as number, least, greatest, isWide: type === "int16" };
}

/** The factor of each output of a layer: scale of the input · scale of the weight / scale of the output. */
export function layerMultipliers(site: QuantizedSite, outputs: number): Multiplier[] {
  const input = site.quantization(0).scales[0] as number;
  const output = site.outputQuantization().scales[0] as number;
  const { scales } = site.quantization(1);
  return Array.from({ length: outputs }, (_, place) =>
    multiplierOf((input * (scales[scales.length === 1 ? 0 : place] as number)) / output),
  );
}

/** Writes `count` sums times a multiplier as integers from `start` on. */
export function rescale(
  sums: Float64Array,
  count: number,
  { significand, shift }: Multiplier,
  { zeroPoint, least, greatest, isWide }: Rescale,
  to: Integers,
  start: number,
): void {
  const output = to as Int8Array;
  for (let i = 0; i < count; i++) {
    const sum = sums[i] as number;
    const steps = isWide ? multipliedWide(sum, significand, shift) : multiplied(sum, significand, shift);
    const integer = steps + zeroPoint;
    output[start + i] = integer < least ? least : integer > greatest ? greatest : integer;
  }
}

/** Integers less their zero point. */
export function centred(integers: Integers, { zeroPoints }: Quantization, into: Float64Array): Float64Array {
  const from = integers as Int8Array;
  const zeroPoint = zeroPoints[0] as number;
  for (let i = 0; i < from.length; i++) into[i] = (from[i] as number) - zeroPoint;
  return into;
}

/** A weight's or a bias' integers as numbers. */
export function exact(integers: ArrayLike<number | bigint>): Float64Array {
  return Float64Array.from(integers as ArrayLike<number>, Number);
}

/** A layer's bias; zeros where it has none. */
export function biasOf(site: QuantizedSite, outputs: number): Float64Array {
  const bias = site.node.inputs[2] ?? "";
  return bias === "" ? new Float64Array(outputs) : exact(site.known(2, "bias").data);
}
