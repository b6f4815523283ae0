/** The same elements in another shape or order, some of them, or several tensors as one. */
import { elementsOf, formatShape, isOpen, perSample, type Shape, type Size } from "../graph.ts";
import { broadcastShapes } from "./arithmetic.ts";
import type { NodeReader, Operator } from "./operator.ts";

/** To `shape`, where 0 keeps the axis' size and −1 takes what is left. */
const Reshape: Operator = {
  role: "arrange",
  attributes: { shape: "ints" },
  shapes(node) {
    const from = node.input(0);
    const wanted = node.ints("shape").map((size, axis) => (size === 0 ? (from[axis] ?? 1) : size));
    const rest = wanted.filter((size) => size !== -1);
    const left = elementsOf(from) / elementsOf(rest);
    // Where the batch is unaccounted for, it is part of what is left.
    const takes: Size = from.some(isOpen) && !rest.some(isOpen) ? perSample(left) : left;
    const to = wanted.map((size) => (size === -1 ? takes : size));
    const isWhole = !wanted.includes(-1) || Number.isInteger(left);
    if (!isWhole || from.some(isOpen) !== to.some(isOpen) || elementsOf(from) !== elementsOf(to))
      node.refuse(`${formatShape(from)} does not become ${formatShape(wanted)}`);
    return [to];
  },
};

/** To [axes before `axis` as one, the rest as one]. */
const Flatten: Operator = {
  role: "arrange",
  attributes: { axis: "int" },
  shapes(node) {
    const from = node.input(0);
    const axis = node.int("axis", 1);
    return [[merged(from.slice(0, axis)), merged(from.slice(axis))]];
  },
};

const merged = (shape: Shape): Size =>
  shape.some(isOpen) ? perSample(elementsOf(shape)) : elementsOf(shape);

/** Axis i of the result is axis perm[i]. */
const Transpose: Operator = {
  role: "arrange",
  attributes: { perm: "ints" },
  shapes(node) {
    const from = node.input(0);
    const axes = node.axes("perm");
    if (new Set(axes).size !== from.length)
      node.refuse(`perm [${axes}] does not name ${from.length} axes once`);
    return [axes.map((axis) => from[axis] as Size)];
  },
};

/** Without axes of length 1. */
const Squeeze: Operator = {
  role: "arrange",
  attributes: { axes: "ints" },
  shapes(node) {
    const axes = node.axes("axes");
    const from = node.input(0);
    for (const axis of axes)
      if (from[axis] !== 1) node.refuse(`axis ${axis} has length ${from[axis]}, not 1`);
    return [from.filter((_, axis) => !axes.includes(axis))];
  },
};

/** With axes of length 1 at these places of the result. */
const Unsqueeze: Operator = {
  role: "arrange",
  attributes: { axes: "ints" },
  shapes(node) {
    const from = [...node.input(0)];
    const rank = from.length + node.ints("axes").length;
    const axes = node.axes("axes", undefined, rank);
    return [Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : (from.shift() as Size)))];
  },
};

/** One after the other along `axis`. */
const Concat: Operator = {
  role: "arrange",
  attributes: { axis: "int" },
  shapes(node) {
    const [first = [], ...others] = node.inputs;
    const axis = node.axis(node.int("axis"));
    const without = (shape: Shape) => formatShape(shape.toSpliced(axis, 1));
    for (const other of others)
      if (without(other) !== without(first))
        node.refuse(`${formatShape(first)} and ${formatShape(other)} do not fit along axis ${axis}`);
    const length = node.inputs.reduce((sum, shape) => sum + node.fixed(shape[axis]), 0);
    return [first.with(axis, length)];
  },
};

/** Parts of the lengths `split` along `axis`. */
const Split: Operator = {
  role: "arrange",
  attributes: { axis: "int", split: "ints" },
  shapes(node) {
    const from = node.input(0);
    const axis = node.axis(node.int("axis", 0));
    const lengths = node.ints("split");
    if (lengths.reduce((a, b) => a + b, 0) !== from[axis])
      node.refuse(`parts of ${lengths.join(", ")} do not make up the ${from[axis]} of axis ${axis}`);
    return lengths.map((length) => from.with(axis, length));
  },
};

/**
 * From `starts` to before `ends` along `axes`, every `steps`-th; bounds count from the end below 0, and may lie beyond it.
 * Of the batch only all of it.
 */
const Slice: Operator = {
  role: "arrange",
  attributes: { starts: "ints", ends: "ints", axes: "ints", steps: "ints" },
  shapes(node) {
    const to = [...node.input(0)];
    const starts = node.ints("starts");
    const steps = node.ints(
      "steps",
      starts.map(() => 1),
    );
    node.axes("axes", [...starts.keys()]).forEach((axis, i) => {
      const [start = 0, end = 0, step = 1] = [starts[i], node.ints("ends")[i], steps[i]];
      const takesAll = start === 0 && end >= unbounded && step === 1;
      if (!isOpen(to[axis]) || !takesAll) to[axis] = sliced(node.size(0, axis), start, end, step);
    });
    return [to];
  },
};

/** The end that stands for all of an axis; exporters write this or a larger one. */
const unbounded = 2 ** 31 - 1;

function sliced(length: number, start: number, end: number, step: number): number {
  // Backwards the last place is the one before the first element.
  const [lowest, highest] = step > 0 ? [0, length] : [-1, length - 1];
  const bound = (place: number) => Math.min(highest, Math.max(lowest, place < 0 ? place + length : place));
  return Math.max(0, Math.ceil((bound(end) - bound(start)) / step));
}

/**
 * More around: `pads` lists what comes before each axis, then what comes after each; less where it is below 0. With `mode`
 * `constant`, as where it is left out, it is `value` (0), with `reflect` the elements before the edge, with `edge` those on it.
 */
const Pad: Operator = {
  role: "arrange",
  attributes: { pads: "ints", mode: "string", value: "float" },
  shapes(node) {
    const from = node.input(0);
    const pads = node.ints("pads");
    const mode = node.text("mode", "constant");
    if (!["constant", "reflect", "edge"].includes(mode)) node.refuse(`it has no mode ${mode}`);
    return [
      from.map((size, axis) => {
        const [before = 0, after = 0] = [pads[axis], pads[axis + from.length]];
        if (before === 0 && after === 0) return size;
        const length = node.fixed(size);
        if (mode === "reflect" && Math.max(before, after) >= length)
          node.refuse(`${length} elements cannot be reflected ${Math.max(before, after)} times`);
        return length + before + after;
      }),
    ];
  },
};

/** Repeated along axes of length 1 until `shape` is reached; where that is 1, the axis stays. */
const Expand: Operator = {
  role: "arrange",
  attributes: { shape: "ints" },
  shapes: (node) => [broadcastShapes(node, node.input(0), node.ints("shape"))],
};

/**
 * Channels to pixels, blocksize × blocksize of them each: [N, C · b², H, W] → [N, C, H · b, W · b]. With `mode` `CRD` a
 * channel's pixels are neighbours (PyTorch's pixel shuffle), with `DCR`, as where it is left out, C channels apart.
 */
const DepthToSpace: Operator = {
  role: "arrange",
  attributes: { blocksize: "int", mode: "string" },
  shapes(node) {
    const [batch = 1, channels, height, width] = fourAxes(node);
    const block = node.int("blocksize");
    if (node.fixed(channels) % block ** 2 !== 0)
      node.refuse(`${channels} channels are no whole number of ${block}×${block} pixels`);
    return [
      [batch, node.fixed(channels) / block ** 2, node.fixed(height) * block, node.fixed(width) * block],
    ];
  },
};

/** Pixels to channels: [N, C, H · b, W · b] → [N, b² · C, H, W], a block's first pixels first. */
const SpaceToDepth: Operator = {
  role: "arrange",
  attributes: { blocksize: "int" },
  shapes(node) {
    const [batch = 1, channels, ...image] = fourAxes(node);
    const block = node.int("blocksize");
    for (const size of image)
      if (node.fixed(size) % block !== 0)
        node.refuse(`${image.join("×")} pixels are no whole number of ${block}×${block}`);
    return [[batch, node.fixed(channels) * block ** 2, ...image.map((size) => node.fixed(size) / block)]];
  },
};

function fourAxes(node: NodeReader): Shape {
  const shape = node.input(0);
  return shape.length === 4 ? shape : node.refuse(`it wants four axes, not ${formatShape(shape)}`);
}

/** As it is. */
const Identity: Operator = { role: "arrange", attributes: {}, shapes: (node) => [node.input(0)] };

export const layout = {
  Reshape,
  Flatten,
  Transpose,
  Squeeze,
  Unsqueeze,
  Concat,
  Split,
  Slice,
  Pad,
  Expand,
  DepthToSpace,
  SpaceToDepth,
  Identity,
};
