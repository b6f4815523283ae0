/** The same elements in another shape or order, some of them, or several tensors as one. */
import { elementsOf, isOpen, perSample, type Shape, type Size } from "@pea/graph";
import type { FileNode } from "../file-node.ts";
import { GatherND } from "../image-windows.ts";
import { type Length, sizeOf } from "../length.ts";
import type { Converter } from "./converter.ts";

/**
 * To sizes of which at most one may be unknown: in the graph 0 keeps an axis and −1 is what is left. A file made for a fixed
 * number of images says that number where the batch is.
 */
const Reshape: Converter = (node) => {
  const from = node.shape(0);
  const wanted = node.lengths("shape") ?? node.refuse("it does not say to which shape");
  const keepsZeros = node.number("allowzero") !== 1;
  const sizes = wanted.map((length, axis) => {
    const isKept = length === 0 && keepsZeros;
    return isKept ? (from[axis] ?? 1) : (sizeOf(length) ?? node.refuse(mergesImages));
  });
  reshaped(node, from, withBatch(node, from, sizes));
};

const mergesImages =
  "it puts several images on one axis with something else in a way that is not followed; PyTorch's earlier exporter " +
  "(dynamo=False) may write the network otherwise";

/** The first size as so many for each image, where it is what is left, or that number in a file for a fixed number of images. */
function withBatch(node: FileNode, from: Shape, sizes: readonly Size[]): readonly Size[] {
  const [first, ...rest] = sizes;
  if (!isOpen(from[0]) || sizes.some(isOpen)) return sizes;
  const elements = elementsOf(from);
  const each = Math.abs(elementsOf(rest));
  const count = first === -1 ? elements / each : Number(first) / (node.fixedBatch ?? NaN);
  const left = elements / (count * each);
  const fits =
    count > 0 && Number.isInteger(count) && (rest.includes(-1) ? Number.isInteger(left) : left === 1);
  return fits ? [perSample(count), ...rest] : sizes;
}

function reshaped(node: FileNode, from: Shape, sizes: readonly Size[]) {
  const left = elementsOf(from) / Math.abs(elementsOf(sizes));
  const place = sizes.findIndex(isOpen);
  if (from.some(isOpen) && place === -1 && !(sizes.includes(-1) && left === 1)) node.refuse(mergesImages);
  const to = place === -1 ? sizes : sizes.map((size) => (size === -1 ? left : size));
  const isSame = to.length === from.length && to.every((size, axis) => size === from[axis]);
  if (isSame) return node.same(node.nameOf(0));
  // The batch stays where it is, or is what is left.
  const shape = to.map((size) => (isOpen(size) ? (from[place] === size ? 0 : -1) : size));
  node.result("Reshape", [node.input(0)], { shape });
}

const Flatten: Converter = (node) => {
  const from = node.shape(0);
  const axis = node.number("axis") ?? 1;
  node.result("Flatten", [node.input(0)], { axis: axis < 0 ? axis + from.length : axis });
};

const Transpose: Converter = (node) => {
  const rank = node.shape(0).length;
  const perm = node.integers("perm") ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  node.result("Transpose", [node.input(0)], { perm: perm.map((axis) => node.axis(axis)) });
};

const Squeeze: Converter = (node) => {
  const ones = node.shape(0).flatMap((size, axis) => (size === 1 ? [axis] : []));
  const axes = node.integers("axes")?.map((axis) => node.axis(axis)) ?? ones;
  node.result("Squeeze", [node.input(0)], { axes });
};

const Unsqueeze: Converter = (node) => {
  const axes = node.integers("axes") ?? node.refuse("it does not say which axes");
  const rank = node.shape(0).length + axes.length;
  node.result("Unsqueeze", [node.input(0)], { axes: axes.map((axis) => node.axis(axis, rank)) });
};

const Concat: Converter = (node) => {
  // What has no elements adds none.
  const places = node.inputs.flatMap((_, place) => (node.shape(place).includes(0) ? [] : [place]));
  if (places.length === 1) return node.same(node.nameOf(places[0] as number));
  const axis = node.axis(node.number("axis") ?? node.refuse("it does not say along which axis"));
  node.result(
    "Concat",
    places.map((place) => node.input(place)),
    { axis },
  );
};

/** Parts of given lengths, or of equal ones: as many as there are outputs, the last one what is left. */
const Split: Converter = (node) => {
  const axis = node.axis(node.number("axis") ?? 0);
  const split =
    node.integers("split") ?? equalParts(node, axis, node.number("num_outputs") ?? node.outputs.length);
  if (split.length === 1) return node.same(node.nameOf(0));
  node.result("Split", [node.input(0)], { axis, split });
};

function equalParts(node: FileNode, axis: number, count: number): number[] {
  const length = Number(node.shape(0)[axis]);
  const each = Math.ceil(length / count);
  return Array.from({ length: count }, (_, i) => Math.min(each, length - i * each));
}

/** The same as a row of tensors. */
const SplitToSequence: Converter = (node) => {
  const axis = node.axis(node.number("axis") ?? 0);
  const length = Number(node.shape(0)[axis]);
  const known = node.has(1) ? node.known(1) : undefined;
  if (node.has(1) && known === undefined) node.refuse("its parts are computed from the image");
  if (node.number("keepdims") === 0 && known === undefined)
    node.refuse("it splits an axis into single elements");
  const values = Array.from((known?.values ?? [1]) as ArrayLike<Length>, Number);
  const [size = 1] = values;
  const isList = known !== undefined && known.shape.length === 1;
  const count = Math.ceil(length / size);
  if (!isList && !(count >= 1 && count <= length)) node.refuse(`it makes parts of ${size}`);
  const split = isList ? values : Array.from({ length: count }, (_, i) => Math.min(size, length - i * size));
  node.defineParts(node.split(axis, split));
};

const SequenceAt: Converter = (node) => {
  const parts = node.parts(0);
  const place = Number(node.known(1)?.values[0] ?? node.refuse("which part it takes is computed"));
  const part = parts[place < 0 ? place + parts.length : place];
  node.same(part ?? node.refuse(`there is no part ${place} of ${parts.length}`));
};

const Slice: Converter = (node) => {
  const from = node.shape(0);
  const starts = node.integers("starts") ?? node.refuse("it does not say from where");
  const ends = node.lengths("ends") ?? node.refuse("it does not say up to where");
  const steps = node.integers("steps") ?? starts.map(() => 1);
  const axes = (node.integers("axes") ?? [...starts.keys()]).map((axis) => node.axis(axis));
  const all = axes.map((axis, i) => ({ axis, start: starts[i], end: ends[i], step: steps[i] }));
  // Of the batch only all of it.
  const kept = all.filter(({ axis, start, end, step }) => {
    const isAll =
      start === 0 && step === 1 && (Number(end) >= 2 ** 31 - 1 || sizeOf(end as Length) === from[axis]);
    if (isOpen(from[axis]) && !isAll) node.refuse("it takes some images of the batch");
    return !isAll;
  });
  if (kept.length === 0) return node.same(node.nameOf(0));
  if (kept.some(({ step }) => Number(step) < 1)) node.refuse("it walks backwards, which is not followed");
  node.result("Slice", [node.input(0)], {
    starts: kept.map(({ start }) => Number(start)),
    ends: kept.map(({ end, axis }) => Math.min(Number(end), Number(from[axis]))),
    axes: kept.map(({ axis }) => axis),
    steps: kept.map(({ step }) => Number(step)),
  });
};

/** One place of an axis, or several that follow each other; of a row of all images each one's elements again. */
const Gather: Converter = (node) => {
  if (node.shape(0).length === 1 && isOpen(node.shape(0)[0])) return images(node);
  const axis = node.axis(node.number("axis") ?? 0);
  const size = Number(node.shape(0)[axis]);
  const indices = node.known(1) ?? node.refuse("which elements it takes is computed");
  const places = Array.from(indices.values as ArrayLike<Length>, (place) =>
    Number(place) < 0 ? Number(place) + size : Number(place),
  );
  const [first = 0, second = first + 1] = places;
  const step = second - first;
  const isRow = places.every((place, i) => place === first + i * step) && step >= 1 && first >= 0;
  if (!isRow || indices.shape.length > 1 || places.length === 0 || !((places.at(-1) as number) < size))
    node.refuse(`it takes elements [${places}] of ${size}, which do not follow each other`);
  const slice = {
    starts: [first],
    ends: [(places.at(-1) as number) + 1],
    axes: [axis],
    steps: [step],
  };
  if (indices.shape.length === 1) return node.result("Slice", [node.input(0)], slice);
  node.result("Squeeze", [node.step("Slice", [node.input(0)], slice)], { axes: [axis] });
};

/** All elements of a row of images, in their order, as images again. */
function images(node: FileNode): void {
  const { shape, values, perImage } =
    node.knownPlaces(1) ?? node.refuse("which elements it takes is computed");
  const each = elementsOf(node.shape(0));
  // In a file for a fixed number of images their places are written out.
  const count = perImage === undefined ? (node.fixedBatch ?? NaN) : 1;
  const isAll =
    (perImage ?? each) === each &&
    values.length === count * each &&
    (shape[0] ?? 0) % count === 0 &&
    Array.from(values as ArrayLike<Length>).every((place, i) => place === i);
  if (!isAll)
    node.refuse("it takes other elements of several images in a row than all of them in their order");
  node.result("Reshape", [node.input(0)], { shape: [-1, ...shape.slice(1)] });
}

/** Other elements in the place of those of all images, of which nothing is left: how `x += y` is written where x is a part. */
const ScatterND: Converter = (node) => {
  const { shape, values, perImage } = node.knownPlaces(1) ?? node.refuse("where it puts them is computed");
  const count = perImage === undefined ? node.fixedBatch : 1;
  const isOfImages = isOpen(node.shape(0)[0]) && shape.join() === `${count},1` && (perImage ?? 1) === 1;
  const isAll = isOfImages && Array.from(values as ArrayLike<Length>).every((place, i) => place === i);
  const isSame = node.shape(0).join() === node.shape(2).join();
  if (!isAll || !isSame || (node.text("reduction") ?? "none") !== "none")
    node.refuse("it puts elements in the place of some others, which is not followed");
  node.same(node.nameOf(2));
};

const Pad: Converter = (node) => {
  const rank = node.shape(0).length;
  const mode = node.text("mode") ?? "constant";
  const given = node.integers("pads") ?? node.refuse("it does not say how much");
  const axes =
    node.known(3) === undefined ? undefined : Array.from(node.known(3)?.values as ArrayLike<Length>, Number);
  const pads =
    axes === undefined
      ? given
      : spread(
          axes.map((axis) => node.axis(axis)),
          given,
          rank,
        );
  if (pads.every((size) => size === 0)) return node.same(node.nameOf(0));
  const value = node.number("value") ?? 0;
  node.result("Pad", [node.input(0)], {
    pads,
    ...(mode !== "constant" && { mode }),
    ...(mode === "constant" && value !== 0 && { value }),
  });
};

/** Padding of some axes as that of all. */
function spread(axes: readonly number[], pads: readonly number[], rank: number): number[] {
  const all = new Array<number>(2 * rank).fill(0);
  axes.forEach((axis, i) => {
    all[axis] = pads[i] as number;
    all[axis + rank] = pads[i + axes.length] as number;
  });
  return all;
}

const Expand: Converter = (node) => {
  const from = node.shape(0);
  const wanted = node.lengths("shape") ?? node.refuse("it does not say to which shape");
  const sizes = wanted.map(
    (length) => sizeOf(length) ?? node.refuse("it repeats something for each image, which is not followed"),
  );
  const missing = sizes.length - from.length;
  const isSame = missing <= 0 && sizes.every((size, i) => size === 1 || size === from[i - missing]);
  if (isSame) return node.same(node.nameOf(0));
  if (sizes.some((size, i) => isOpen(size) && from[i - missing] !== size))
    return node.refuse("it repeats something for each image, which is not followed");
  node.result("Expand", [node.input(0)], { shape: sizes.map((size) => (isOpen(size) ? 1 : size)) });
};

const DepthToSpace: Converter = (node) =>
  node.result("DepthToSpace", [node.input(0)], {
    blocksize: node.number("blocksize") ?? node.refuse("blocksize is missing"),
    mode: node.text("mode") ?? "DCR",
  });

const SpaceToDepth: Converter = (node) =>
  node.result("SpaceToDepth", [node.input(0)], {
    blocksize: node.number("blocksize") ?? node.refuse("blocksize is missing"),
  });

export const layout: Readonly<Record<string, Converter>> = {
  Reshape,
  Flatten,
  Transpose,
  Squeeze,
  Unsqueeze,
  Concat,
  Split,
  SplitToSequence,
  SequenceAt,
  Slice,
  Gather,
  GatherND,
  ScatterND,
  Pad,
  Expand,
  DepthToSpace,
  SpaceToDepth,
};
