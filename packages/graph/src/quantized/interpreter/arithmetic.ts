/** Element by element, of two tensors that are stretched along axes of length 1. */
import type { QuantizedSite } from "../quantized-site.ts";
import { multiplied, multiplierOf } from "./fixed-point.ts";
import type { Kernel, KernelOf } from "./kernel.ts";

/** Bits that sums are computed with below the integers' own. */
const shiftOf = (site: QuantizedSite): number => (site.outputQuantization().type === "int16" ? 15 : 20);

/** Both to the larger scale, doubled; their sum to the output's. */
export const Add: KernelOf = (site) => {
  const [first, second, output] = scalesOf(site);
  const twice = 2 * Math.max(first, second);
  return sum(site, 1, [first / twice, second / twice, twice / (2 ** shiftOf(site) * output)]);
};

/** The same; the kernels compute the factors in float32. */
export const Sub: KernelOf = (site) => {
  const [first, second, output] = scalesOf(site);
  const twice = Math.fround(2 * Math.max(first, second));
  const unit = Math.fround(2 ** shiftOf(site) * output);
  return sum(site, -1, [Math.fround(first / twice), Math.fround(second / twice), Math.fround(twice / unit)]);
};

function sum(site: QuantizedSite, sign: 1 | -1, factors: readonly [number, number, number]): Kernel {
  const [first, second, out] = factors.map(multiplierOf) as [Factor, Factor, Factor];
  const unit = 2 ** shiftOf(site);
  return elementwise(site, (a, b) =>
    multiplied(
      multiplied(a * unit, first.significand, first.shift) +
        sign * multiplied(b * unit, second.significand, second.shift),
      out.significand,
      out.shift,
    ),
  );
}

type Factor = ReturnType<typeof multiplierOf>;

/** The product of both to the output's scale. */
export const Mul: KernelOf = (site) => {
  const [first, second, output] = scalesOf(site);
  const { significand, shift } = multiplierOf((first * second) / output);
  return elementwise(site, (a, b) => multiplied(a * b, significand, shift));
};

function scalesOf(site: QuantizedSite): readonly [number, number, number] {
  const [first, second, output] = [site.quantization(0), site.quantization(1), site.outputQuantization()];
  for (const { scales } of [first, second, output])
    if (scales.length !== 1) site.refuse("what it reads and computes must have one scale each");
  return [first.scales[0] as number, second.scales[0] as number, output.scales[0] as number];
}

/** `compute` gets both integers less their zero points. */
function elementwise(site: QuantizedSite, compute: (a: number, b: number) => number): Kernel {
  const [least, greatest] = site.outputBounds();
  const [zeroA, zeroB, zeroPoint] = [
    site.quantization(0),
    site.quantization(1),
    site.outputQuantization(),
  ].map(({ zeroPoints }) => zeroPoints[0] as number) as [number, number, number];
  const shape = site.outputSizes();
  const placesA = stretched(site.sizes(0), shape);
  const placesB = stretched(site.sizes(1), shape);
  return ([first, second], [to]) => {
    const [a, b, output] = [first, second, to] as [Int8Array, Int8Array, Int8Array];
    for (let i = 0; i < output.length; i++) {
      const x = a[placesA === undefined ? i : (placesA[i] as number)] as number;
      const y = b[placesB === undefined ? i : (placesB[i] as number)] as number;
      const integer = compute(x - zeroA, y - zeroB) + zeroPoint;
      output[i] = integer < least ? least : integer > greatest ? greatest : integer;
    }
  };
}

/** For each element of `to` its place in a tensor that is stretched to it; undefined where it is the same. */
export function stretched(from: readonly number[], to: readonly number[]): Int32Array | undefined {
  const padded = [...new Array<number>(to.length - from.length).fill(1), ...from];
  if (padded.every((size, axis) => size === to[axis])) return undefined;
  const places = new Int32Array(to.reduce((a, b) => a * b, 1));
  let step = 1;
  let inner = 1;
  for (let axis = to.length - 1; axis >= 0; axis--) {
    const size = to[axis] as number;
    if (padded[axis] !== 1)
      for (let i = 0; i < places.length; i++)
        places[i] = (places[i] as number) + (Math.floor(i / inner) % size) * step;
    step *= padded[axis] as number;
    inner *= size;
  }
  return places;
}
