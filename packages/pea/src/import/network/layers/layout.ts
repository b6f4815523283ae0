import { isOpen } from "@pea/graph";
import {
  cat,
  expand,
  pad,
  permute,
  pixelShuffle,
  reshape,
  slice,
  split,
  squeeze,
  type Tensor,
  unsqueeze,
} from "@pea/torch";
import { type Layer, lastAxisFirst } from "./layer.ts";

/** To the shape of the result, where libtorch finds out the batch. */
const toShape =
  (apply: (x: Tensor, shape: readonly number[]) => Tensor): Layer =>
  (node) => {
    const shape = node.output.map((size) => (isOpen(size) ? -1 : size));
    return (x) => apply(x, shape);
  };

const Reshape = toShape(reshape);

const Transpose: Layer = (node) => {
  const axes = node.axes("perm", [...node.input(0).keys()].reverse());
  return (x) => permute(x, axes);
};

const Squeeze: Layer = (node) => {
  const axes = node.axes("axes").sort((a, b) => b - a);
  return (x) => axes.reduce((squeezed, dim) => squeeze(squeezed, { dim }), x);
};

const Unsqueeze: Layer = (node) => {
  const axes = node.axes("axes", undefined, node.output.length).sort((a, b) => a - b);
  return (x) => axes.reduce((longer, axis) => unsqueeze(longer, axis), x);
};

const Concat: Layer = (node) => {
  const dim = node.axis(node.int("axis"));
  if (node.node.inputs.some((_, index) => node.constant(index) !== undefined))
    node.refuse("it puts constants beside what is computed");
  return (...tensors) => cat(tensors, { dim });
};

const Split: Layer = (node) => {
  const dim = node.axis(node.int("axis", 0));
  const sizes = [...node.ints("split")];
  return (x) => split(x, sizes, { dim });
};

const Slice: Layer = (node) => {
  const [starts, ends] = [node.ints("starts"), node.ints("ends")];
  const axes = node.axes("axes", [...starts.keys()]);
  const steps = node.ints(
    "steps",
    starts.map(() => 1),
  );
  if (steps.some((step) => step < 1)) node.refuse("it goes backwards");
  return (x) =>
    axes.reduce<Tensor>(
      (part, dim, i) => slice(part, { dim, start: starts[i], end: clampEnd(ends[i]), step: steps[i] }),
      x,
    );
};

/** Files write any large number for the end. */
const clampEnd = (end = 0): number => Math.min(end, Number.MAX_SAFE_INTEGER);

const Pad: Layer = (node) => {
  const all = lastAxisFirst(node.ints("pads"));
  // libtorch lists no outer axis that stays.
  const pads = all.slice(0, 2 * Math.ceil((all.findLastIndex((size) => size !== 0) + 1) / 2));
  const mode = node.text("mode", "constant");
  const value = node.float("value", 0);
  const modes: Readonly<Record<string, "constant" | "reflect" | "replicate">> = {
    constant: "constant",
    reflect: "reflect",
    edge: "replicate",
  };
  const known = modes[mode] ?? node.refuse(`it pads by mode ${mode}`);
  return (x) => (known === "constant" ? pad(x, pads, { value }) : pad(x, pads, { mode: known }));
};

const DepthToSpace: Layer = (node) => {
  const block = node.int("blocksize");
  const [channels, height, width] = node
    .input(0)
    .slice(1)
    .map((size) => node.fixed(size)) as Triple;
  if (node.text("mode", "DCR") === "CRD") return (x) => pixelShuffle(x, block);
  const left = channels / block ** 2;
  return (x) => {
    const blocks = permute(reshape(x, [-1, block, block, left, height, width]), [0, 3, 4, 1, 5, 2]);
    return reshape(blocks, [-1, left, height * block, width * block]);
  };
};

const SpaceToDepth: Layer = (node) => {
  const block = node.int("blocksize");
  const [channels, height, width] = node
    .input(0)
    .slice(1)
    .map((size) => node.fixed(size)) as Triple;
  const [rows, columns] = [height / block, width / block];
  return (x) => {
    const blocks = permute(reshape(x, [-1, channels, rows, block, columns, block]), [0, 3, 5, 1, 2, 4]);
    return reshape(blocks, [-1, channels * block ** 2, rows, columns]);
  };
};

type Triple = [channels: number, height: number, width: number];

/** The very values, under another name. */
const Identity: Layer = () => (x) => slice(x, {});

export const layout = {
  DepthToSpace,
  Expand: toShape(expand),
  Identity,
  SpaceToDepth,
  Reshape,
  Flatten: Reshape,
  Transpose,
  Squeeze,
  Unsqueeze,
  Concat,
  Split,
  Slice,
  Pad,
};
