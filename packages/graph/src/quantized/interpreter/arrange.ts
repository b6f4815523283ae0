/** The same integers in another shape or order, some of them, or several tensors as one. */
import { toInteger } from "../quantization.ts";
import type { Integers } from "../quantized-graph.ts";
import type { Kernel, KernelOf } from "./kernel.ts";

/** In the order in which they are. */
export const copied: KernelOf = (site) => {
  site.requireSameQuantization();
  return ([input], [output]) => (output as Int8Array).set(input as Int8Array);
};

/** Axis i of the result is axis perm[i]. */
export const Transpose: KernelOf = (site) => {
  site.requireSameQuantization();
  const sizes = site.sizes(0);
  const steps = stepsOf(sizes);
  const perm = site.axes("perm", sizes.map((_, axis) => axis).reverse());
  return gathered(
    placesOf(
      site.outputSizes(),
      perm.map((axis) => steps[axis] as number),
    ),
  );
};

/** From `starts` on, every `steps`-th. */
export const Slice: KernelOf = (site) => {
  site.requireSameQuantization();
  const sizes = site.sizes(0);
  const own = stepsOf(sizes);
  const starts = site.ints("starts");
  const every = site.ints(
    "steps",
    starts.map(() => 1),
  );
  let offset = 0;
  const steps = [...own];
  site.axes("axes", [...starts.keys()]).forEach((axis, i) => {
    const [size, step, by] = [sizes[axis], own[axis], every[i]] as [number, number, number];
    const start = starts[i] as number;
    const first = Math.min(by > 0 ? size : size - 1, Math.max(0, start < 0 ? start + size : start));
    offset += first * step;
    steps[axis] = step * by;
  });
  return gathered(placesOf(site.outputSizes(), steps, offset));
};

/** Parts along `axis`. */
export const Split: KernelOf = (site) => {
  const sizes = site.sizes(0);
  const axis = site.axis(site.int("axis", 0));
  const inner = stepsOf(sizes)[axis] as number;
  const lengths = site.ints("split");
  return ([input], outputs) => {
    let from = 0;
    outputs.forEach((output, part) => {
      const run = (lengths[part] as number) * inner;
      copyRuns(input as Integers, from, inner * (sizes[axis] as number), output, 0, run, run);
      from += run;
    });
  };
};

/** One after the other along `axis`. */
export const Concat: KernelOf = (site) => {
  site.requireSameQuantization();
  const axis = site.axis(site.int("axis"));
  const runs = site.node.inputs.map((_, index) =>
    site
      .sizes(index)
      .slice(axis)
      .reduce((a, b) => a * b, 1),
  );
  const whole = runs.reduce((a, b) => a + b, 0);
  return (inputs, [output]) => {
    let to = 0;
    inputs.forEach((input, index) => {
      const run = runs[index] as number;
      copyRuns(input, 0, run, output as Integers, to, whole, run);
      to += run;
    });
  };
};

/** The integer of `value`, the zero point where it is left out, as many times before and after each axis as `pads` says. */
export const Pad: KernelOf = (site) => {
  site.requireSameQuantization();
  const sizes = site.sizes(0);
  const pads = site.ints("pads");
  if (site.text("mode", "constant") !== "constant") site.refuse("in integers it pads with one number");
  if (pads.some((pad) => pad < 0)) site.refuse("in integers it cannot cut off elements");
  const steps = stepsOf(site.outputSizes());
  const offset = sizes.reduce((sum, _, axis) => sum + (pads[axis] as number) * (steps[axis] as number), 0);
  const places = placesOf(sizes, steps, offset);
  const { type, scales, zeroPoints } = site.outputQuantization();
  const [scale, zeroPoint] = [scales[0] as number, zeroPoints[0] as number];
  const filling = toInteger({ scale, zeroPoint, type })(Number(site.node.attributes.value ?? 0));
  return ([input], [output]) => {
    const [from, to] = [input, output] as [Int8Array, Int8Array];
    to.fill(filling);
    for (let i = 0; i < from.length; i++) to[places[i] as number] = from[i] as number;
  };
};

/** Pixels to channels, a block's first pixels first: [N, C, H · b, W · b] → [N, b² · C, H, W]. */
export const SpaceToDepth: KernelOf = (site) => {
  site.requireSameQuantization();
  const [count = 1, channels = 1, height = 1, width = 1] = site.sizes(0);
  const block = site.int("blocksize");
  const steps = [channels * height * width, block * width, block, height * width, width, 1];
  const [n, c, h, w] = [count, channels, height / block, width / block];
  // From axes [N, H, W, C, block row, block column] to [N, block row, block column, C, H, W].
  return gathered(
    placesOf(
      [n, block, block, c, h, w],
      [0, 4, 5, 3, 1, 2].map((axis) => steps[axis] as number),
    ),
  );
};

/** Channels to pixels: [N, C · b², H, W] → [N, C, H · b, W · b]. */
export const DepthToSpace: KernelOf = (site) => {
  site.requireSameQuantization();
  const [count = 1, channels = 1, height = 1, width = 1] = site.sizes(0);
  const block = site.int("blocksize");
  const to = channels / block ** 2;
  const area = height * width;
  const [pixel, channel] = site.text("mode", "DCR") === "CRD" ? [area, block ** 2 * area] : [to * area, area];
  return gathered(
    placesOf(
      [count, to, height, block, width, block],
      [channels * area, channel, width, block * pixel, 1, pixel],
    ),
  );
};

/** How far apart neighbours along each axis are. */
function stepsOf(sizes: readonly number[]): number[] {
  const steps = new Array<number>(sizes.length).fill(1);
  for (let axis = sizes.length - 2; axis >= 0; axis--)
    steps[axis] = (steps[axis + 1] as number) * (sizes[axis + 1] as number);
  return steps;
}

/** For each element of these sizes, from the first on, a place that moves by `steps` along each axis. */
function placesOf(sizes: readonly number[], steps: readonly number[], offset = 0): Int32Array {
  const places = new Int32Array(sizes.reduce((a, b) => a * b, 1)).fill(offset);
  let inner = 1;
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    const [size, step] = [sizes[axis], steps[axis]] as [number, number];
    for (let i = 0; i < places.length; i++)
      places[i] = (places[i] as number) + (Math.floor(i / inner) % size) * step;
    inner *= size;
  }
  return places;
}

function gathered(places: Int32Array): Kernel {
  return ([input], [output]) => {
    const [from, to] = [input, output] as [Int8Array, Int8Array];
    for (let i = 0; i < to.length; i++) to[i] = from[places[i] as number] as number;
  };
}

/** Copies runs of `length`, as many as the input has, that begin `everyFrom` and `everyTo` apart. */
function copyRuns(
  input: Integers,
  from: number,
  everyFrom: number,
  output: Integers,
  to: number,
  everyTo: number,
  length: number,
): void {
  for (let place = from, target = to; place < input.length; place += everyFrom, target += everyTo)
    (output as Int8Array).set((input as Int8Array).subarray(place, place + length), target);
}
