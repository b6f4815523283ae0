/** Activations that stand by themselves. */
import type { QuantizedSite } from "../quantized-site.ts";
import { dividedByPower, multiplied, multiplierOf } from "./fixed-point.ts";
import type { Kernel, KernelOf } from "./kernel.ts";

/** The larger of an integer and the zero point. */
export const Relu: KernelOf = (site) => {
  site.requireSameQuantization();
  const zeroPoint = site.outputQuantization().zeroPoints[0] as number;
  return ofEach(site, (integer) => Math.max(zeroPoint, integer));
};

/** Between the integers that stand for `min` and `max`. */
export const Clip: KernelOf = (site) => {
  site.requireSameQuantization();
  const { scales, zeroPoints } = site.outputQuantization();
  const [scale, zeroPoint] = [scales[0] as number, zeroPoints[0] as number];
  const [min, max] = [site.node.attributes.min, site.node.attributes.max];
  if (min !== 0 || max !== 6) site.refuse(`in integers a clip is between 0 and 6, not ${min} and ${max}`);
  const greatest = zeroPoint + Math.round(Math.fround(6 / scale));
  return ofEach(site, (integer) => Math.min(greatest, Math.max(zeroPoint, integer)));
};

/** The integer itself where both have the same scale, else the nearest that stands for the same number. */
export const Identity: KernelOf = (site) => {
  const input = site.quantization(0);
  const output = site.outputQuantization();
  const { significand, shift } = multiplierOf((input.scales[0] as number) / (output.scales[0] as number));
  const [from, to] = [input.zeroPoints[0] as number, output.zeroPoints[0] as number];
  return ofEach(site, (integer) => multiplied(integer - from, significand, shift) + to);
};

/** x for x ≥ 0, else alpha · x; the factors are computed in float32. */
export const LeakyRelu: KernelOf = (site) => {
  const input = site.quantization(0);
  const output = site.outputQuantization();
  const [scale, to] = [input.scales[0] as number, output.scales[0] as number];
  const alpha = Math.fround(Number(site.node.attributes.alpha ?? 0.01));
  if (alpha < 0) site.refuse(`in integers its slope must be 0 or more, not ${alpha}`);
  const same = multiplierOf(Math.fround(scale / to));
  const less = multiplierOf(Math.fround(Math.fround(scale * alpha) / to));
  const [zero, zeroPoint] = [input.zeroPoints[0] as number, output.zeroPoints[0] as number];
  return ofEach(site, (integer) => {
    const { significand, shift } = integer >= zero ? same : less;
    return multiplied(integer - zero, significand, shift) + zeroPoint;
  });
};

/** x · min(max(x / 6 + 1/2, 0), 1) in 16 bits. */
export const HardSwish: KernelOf = (site) => {
  const input = site.quantization(0);
  const output = site.outputQuantization();
  if (input.type === "int16") site.refuse("there is no HardSwish of int16");
  const fine = Math.fround((input.scales[0] as number) / 128);
  const toOutput = multiplierOf(Math.fround(fine / (output.scales[0] as number)));
  const toGate = multiplierOf(Math.fround(fine / Math.fround(3 / 32768)));
  if (toOutput.shift > 0) site.refuse("its output's scale is too small for its input's");
  const [half, gateHalf] = [halfWidth(toOutput.significand), halfWidth(toGate.significand)];
  const [zero, zeroPoint] = [input.zeroPoints[0] as number, output.zeroPoints[0] as number];
  return ofEach(site, (integer) => {
    const x = (integer - zero) * 128;
    let gate = x;
    if (toGate.shift > 0) gate = within16(gate * 2 ** (toGate.shift - 1));
    gate = (gate * gateHalf + 0x4000) >> 15;
    if (toGate.shift > 0) gate = within16(gate * 2);
    else gate = dividedByPower(gate, -toGate.shift);
    const share = (gate + 0x8000) >> 1;
    const product = (share * ((x * half + 0x4000) >> 15)) / 0x8000;
    return dividedByPower(Math.trunc(product), -toOutput.shift) + zeroPoint;
  });
};

/** 1 / (1 + e⁻ˣ), to 256ths: computed in float32, and rounded. */
export const Sigmoid: KernelOf = (site) => {
  const input = site.quantization(0);
  const output = site.outputQuantization();
  if (input.type === "int16") site.refuse("there is no Sigmoid of int16 here; take activations of int8");
  const [scale, zero] = [input.scales[0] as number, input.zeroPoints[0] as number];
  const [steps, zeroPoint] = [Math.fround(1 / (output.scales[0] as number)), output.zeroPoints[0] as number];
  return ofEach(site, (integer) => {
    const x = Math.fround(scale * (integer - zero));
    const y = Math.fround(1 / Math.fround(1 + Math.fround(Math.exp(-x))));
    return Math.round(Math.fround(y * steps)) + zeroPoint;
  });
};

/** A significand of 31 bits in 15. */
const halfWidth = (significand: number): number =>
  Math.min(0x7fff, Math.floor((significand + 0x8000) / 0x10000));

const within16 = (value: number): number => Math.min(32767, Math.max(-32768, value));

/** By a table, since all integers of 8 bits are soon computed; those of 16 as they come. */
function ofEach(site: QuantizedSite, compute: (integer: number) => number): Kernel {
  const [least, greatest] = site.outputBounds();
  const lowest =
    site.quantization(0).type === "uint8" ? 0 : site.quantization(0).type === "int8" ? -128 : -32768;
  const table = Int32Array.from({ length: lowest === -32768 ? 65536 : 256 }, (_, place) =>
    Math.min(greatest, Math.max(least, compute(place + lowest))),
  );
  return ([input], [output]) => {
    const [from, to] = [input, output] as [Int8Array, Int8Array];
    for (let i = 0; i < to.length; i++) to[i] = table[(from[i] as number) - lowest] as number;
  };
}
