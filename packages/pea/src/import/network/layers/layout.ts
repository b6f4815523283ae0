import { cat, pad, permute, reshape, slice, split, squeeze, type Tensor, unsqueeze } from "@pea/torch";
import type { Layer } from "./layer.ts";

const Reshape: Layer = (node) => {
  const shape = node.output.map((size) => (size === "batch" ? -1 : size));
  return (x) => reshape(x, shape);
};

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
  const pads = node.ints("pads");
  const rank = pads.length / 2;
  // libtorch lists the last axis first, and none that stays.
  const pairs = Array.from(
    { length: rank },
    (_, axis) => [pads[axis], pads[axis + rank]] as [number, number],
  );
  while (pairs[0]?.every((size) => size === 0)) pairs.shift();
  const flat = pairs.reverse().flat();
  const mode = node.text("mode", "constant");
  const value = node.float("value", 0);
  const modes: Readonly<Record<string, "constant" | "reflect" | "replicate">> = {
    constant: "constant",
    reflect: "reflect",
    edge: "replicate",
  };
  const known = modes[mode] ?? node.refuse(`it pads by mode ${mode}`);
  return (x) => (known === "constant" ? pad(x, flat, { value }) : pad(x, flat, { mode: known }));
};

export const layout = { Reshape, Flatten: Reshape, Transpose, Squeeze, Unsqueeze, Concat, Split, Slice, Pad };
