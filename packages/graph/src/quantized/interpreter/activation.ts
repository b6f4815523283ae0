/** Activations that stand by themselves. */
import type { QuantizedSite } from "../quantized-site.ts";
import { multiplied, multiplierOf } from "./fixed-point.ts";
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
