/** The same elements in another shape or order, some of them, or several tensors as one. */
import { elementsOf, formatShape, type Shape, type Size } from "../graph.ts";
import type { NodeReader, Operator } from "./operator.ts";

/** To `shape`, where 0 keeps the axis' size and −1 takes what is left. */
const Reshape: Operator = {
  role: "arrange",
  attributes: { shape: "ints" },
  shapes(node) {
    const from = node.input(0);
    const wanted = node.ints("shape").map((size, axis) => (size === 0 ? (from[axis] ?? 1) : size));
    const rest = wanted.filter((size) => size !== -1);
    const isOpen = (shape: readonly Size[]) => shape.includes("batch");
    const left = elementsOf(from) / elementsOf(rest);
    // Where only the batch is unaccounted for, it is what is left.
    const takes: Size = isOpen(from) && !isOpen(rest) ? "batch" : left;
    const to = wanted.map((size) => (size === -1 ? takes : size));
    if (isOpen(from) !== isOpen(to) || elementsOf(from) !== elementsOf(to))
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
    return [[merged(node, from.slice(0, axis)), merged(node, from.slice(axis))]];
  },
};

function merged(node: NodeReader, shape: Shape): Size {
  if (!shape.includes("batch")) return elementsOf(shape);
  return elementsOf(shape) === 1 ? "batch" : node.refuse("it merges the batch with another axis");
}

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

/** From `starts` to before `ends` along `axes`, every `steps`-th. */
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
      const length = node.size(0, axis);
      const bound = (place = 0) => Math.min(length, place < 0 ? place + length : place);
      to[axis] = Math.max(0, Math.ceil((bound(node.ints("ends")[i]) - bound(starts[i])) / (steps[i] ?? 1)));
    });
    return [to];
  },
};

/** Zeros around: `pads` lists what comes before each axis, then what comes after each. */
const Pad: Operator = {
  role: "arrange",
  attributes: { pads: "ints" },
  shapes(node) {
    const from = node.input(0);
    const pads = node.ints("pads");
    return [
      from.map((size, axis) => {
        const added = (pads[axis] ?? 0) + (pads[axis + from.length] ?? 0);
        return added === 0 ? size : node.fixed(size) + added;
      }),
    ];
  },
};

export const layout = { Reshape, Flatten, Transpose, Squeeze, Unsqueeze, Concat, Split, Slice, Pad };
