/** Known tensors in another shape or order, parts of them, several as one, and such as are made of a shape. */
import { elementsOf } from "@pea/graph";
import type { FileNode } from "../file-node.ts";
import { integersKnown, type KnownTensor } from "../known-tensor.ts";
import { fixed, type Length, lengthOf } from "../length.ts";
import { type Folder, gathered, made } from "./folder.ts";
import { placesOf, stretchedShape, stretchedStrides, stridesOf } from "./indices.ts";

const reshaped = (x: KnownTensor, shape: readonly number[], node: FileNode): KnownTensor =>
  elementsOf(shape) === x.values.length
    ? { ...x, shape }
    : node.refuse(`${x.shape.join("×")} does not become ${shape.join("×")}`);

const Reshape: Folder = (node, [x]) => {
  const wanted = (node.integers("shape") ?? []).map((size, axis) =>
    size === 0 && node.number("allowzero") !== 1 ? (x.shape[axis] ?? 1) : size,
  );
  const rest = elementsOf(wanted.filter((size) => size !== -1));
  return [
    reshaped(
      x,
      wanted.map((size) => (size === -1 ? x.values.length / rest : size)),
      node,
    ),
  ];
};

const Flatten: Folder = (node, [x]) => {
  const axis = node.number("axis") ?? 1;
  const from = axis < 0 ? axis + x.shape.length : axis;
  return [reshaped(x, [elementsOf(x.shape.slice(0, from)), elementsOf(x.shape.slice(from))], node)];
};

const Squeeze: Folder = (node, [x]) => {
  const axes = node.integers("axes")?.map((axis) => node.axis(axis, x.shape.length));
  const isGone = (size: number, axis: number) => (axes === undefined ? size === 1 : axes.includes(axis));
  return [
    reshaped(
      x,
      x.shape.filter((size, axis) => !isGone(size, axis)),
      node,
    ),
  ];
};

const Unsqueeze: Folder = (node, [x]) => {
  const wanted = node.integers("axes") ?? [];
  const rank = x.shape.length + wanted.length;
  const axes = wanted.map((axis) => node.axis(axis, rank));
  const sizes = [...x.shape];
  const shape = Array.from({ length: rank }, (_, axis) =>
    axes.includes(axis) ? 1 : (sizes.shift() as number),
  );
  return [reshaped(x, shape, node)];
};

const Transpose: Folder = (node, [x]) => {
  const rank = x.shape.length;
  const perm = node.integers("perm") ?? x.shape.map((_, axis) => rank - 1 - axis);
  const axes = perm.map((axis) => node.axis(axis, rank));
  if (new Set(axes).size !== rank || axes.length !== rank)
    node.refuse(`perm [${perm}] is not one of ${rank} axes`);
  const strides = stridesOf(x.shape);
  const shape = axes.map((axis) => x.shape[axis] as number);
  const places = placesOf(
    shape,
    axes.map((axis) => strides[axis] as number),
  );
  return [gathered(x, shape, places)];
};

const Concat: Folder = (node, inputs) => {
  const [first] = inputs;
  const axis = node.axis(node.number("axis") ?? 0, first.shape.length);
  const length = inputs.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0);
  const shape = first.shape.with(axis, length);
  node.bounded(shape);
  const inner = elementsOf(first.shape.slice(axis + 1));
  const outer = elementsOf(first.shape.slice(0, axis));
  const values: Length[] = [];
  for (let row = 0; row < outer; row++)
    for (const each of inputs) {
      const size = (each.shape[axis] ?? 0) * inner;
      for (let i = 0; i < size; i++) values.push(each.values[row * size + i] as Length);
    }
  if (values.length !== elementsOf(shape)) node.refuse("its inputs do not fit each other");
  return [made(first.kind, shape, values)];
};

const Slice: Folder = (node, [x]) => {
  const starts = node.integers("starts") ?? [];
  const ends = node.integers("ends") ?? [];
  const axes = node.integers("axes") ?? [...starts.keys()];
  const steps = node.integers("steps") ?? starts.map(() => 1);
  const strides = stridesOf(x.shape);
  const shape = [...x.shape];
  let first = 0;
  axes.forEach((each, i) => {
    const axis = node.axis(each, x.shape.length);
    const { start, count, step } = span(x.shape[axis] as number, starts[i], ends[i], steps[i]);
    first += start * (strides[axis] as number);
    shape[axis] = count;
    strides[axis] = (strides[axis] as number) * step;
  });
  return [gathered(x, shape, placesOf(shape, strides, first))];
};

/** The elements of an axis from `from` to before `to`, either counted from the back where it is negative. */
function span(length: number, from = 0, to = length, step = 1) {
  const lowest = step < 0 ? -1 : 0;
  const highest = step < 0 ? length - 1 : length;
  const bound = (place: number) => Math.min(Math.max(place < 0 ? place + length : place, lowest), highest);
  const start = bound(from);
  return { start, step, count: step === 0 ? 0 : Math.max(0, Math.ceil((bound(to) - start) / step)) };
}

const Gather: Folder = (node, [x, indices]) => {
  const axis = node.axis(node.number("axis") ?? 0, x.shape.length);
  const length = x.shape[axis] as number;
  const picked = Array.from((indices?.values ?? []) as Length[], (value) => {
    const place = fixed(value) < 0 ? fixed(value) + length : fixed(value);
    return place >= 0 && place < length
      ? place
      : node.refuse(`there is no element ${fixed(value)} of ${length}`);
  });
  const inner = elementsOf(x.shape.slice(axis + 1));
  const outer = elementsOf(x.shape.slice(0, axis));
  const shape = [...x.shape.slice(0, axis), ...(indices?.shape ?? []), ...x.shape.slice(axis + 1)];
  const places = new Int32Array(node.bounded(shape));
  let i = 0;
  for (let row = 0; row < outer; row++)
    for (const place of picked)
      for (let k = 0; k < inner; k++) places[i++] = (row * length + place) * inner + k;
  return [gathered(x, shape, places)];
};

const Split: Folder = (node, [x]) => {
  const axis = node.axis(node.number("axis") ?? 0, x.shape.length);
  const length = x.shape[axis] as number;
  const count = node.outputs.length;
  const each = Math.ceil(length / count);
  const parts =
    node.integers("split") ?? node.outputs.map((_, i) => Math.min(each, Math.max(0, length - i * each)));
  const strides = stridesOf(x.shape);
  let start = 0;
  return parts.map((size) => {
    const shape = x.shape.with(axis, size);
    const first = start * (strides[axis] as number);
    start += size;
    if (start > length) node.refuse(`parts of ${parts.join(", ")} are more than ${length}`);
    return gathered(x, shape, placesOf(shape, strides, first));
  });
};

const Expand: Folder = (node, [x]) => {
  const shape = stretchedShape([x.shape, node.integers("shape") ?? []]);
  // What is repeated is no longer the file's tensor.
  const key = node.bounded(shape) === x.values.length ? x.key : undefined;
  return [{ ...gathered(x, shape, placesOf(shape, stretchedStrides(x.shape, shape))), key }];
};

const Tile: Folder = (node, [x, repeats]) => {
  const times = Array.from((repeats?.values ?? []) as Length[], fixed);
  const shape = x.shape.map((size, axis) => size * (times[axis] ?? 1));
  node.bounded(shape);
  // Each axis as one of repeats and one of elements.
  const strides = stridesOf(x.shape);
  const places = placesOf(
    x.shape.flatMap((size, axis) => [times[axis] ?? 1, size]),
    strides.flatMap((stride) => [0, stride]),
  );
  return [gathered(x, shape, places)];
};

const ConstantOfShape: Folder = (node, [sizes]) => {
  const shape = Array.from(sizes.values as Length[], fixed);
  const value = node.tensor("value");
  const filled = new Array<Length>(node.bounded(shape)).fill(value?.values[0] ?? 0);
  return [made(value?.kind ?? "float", shape, filled)];
};

const Range: Folder = (node, [from, to, step]) => {
  const [start, limit, delta] = [from, to, step].map((each) => fixed((each?.values[0] ?? 1) as Length));
  const count = Math.max(0, Math.ceil(((limit as number) - (start as number)) / (delta as number)));
  node.bounded([count]);
  const values = Array.from({ length: count }, (_, i) => (start as number) + i * (delta as number));
  return [made(from.kind, [count], values)];
};

const Shape: Folder = (node, [x]) => [shapeOf(node, x.shape.map(lengthOf))];
const Size: Folder = (_, [x]) => [made("integer", [], [x.values.length])];

/** A tensor's sizes, or those from `start` to before `end`. */
export function shapeOf(node: FileNode, sizes: readonly Length[]): KnownTensor {
  const { start, count } = span(sizes.length, node.number("start"), node.number("end"));
  return integersKnown(sizes.slice(start, start + count));
}

export const layout: Readonly<Record<string, Folder>> = {
  Reshape,
  Flatten,
  Squeeze,
  Unsqueeze,
  Transpose,
  Concat,
  Slice,
  Gather,
  Split,
  Expand,
  Tile,
  ConstantOfShape,
  Range,
  Shape,
  Size,
};
