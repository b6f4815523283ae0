import { isOpen } from "@pea/graph";
import type { AtenCall } from "../aten-call.ts";
import type { Converter } from "./converter.ts";

export const layout: Record<string, Converter> = {
  "aten::flatten": (op) => {
    const input = op.tensor("self");
    const [start, end] = [op.axis("start_dim", input), op.axis("end_dim", input)];
    if (start === end) return input;
    return start === 1 && end === op.shape(input).length - 1
      ? op.node("Flatten", [input], { axis: 1 })
      : reshape(op, input);
  },
  "aten::reshape": (op) => reshape(op, op.tensor("self"), op.numbers("shape")),
  "aten::view": (op) => reshape(op, op.tensor("self"), op.numbers("size")),
  "aten::permute": (op) => {
    const input = op.tensor("self");
    return op.node("Transpose", [input], { perm: op.numbers("dims").map((axis) => op.axisOf(axis, input)) });
  },
  "aten::transpose": (op) => {
    const input = op.tensor("self");
    const [a, b] = [op.axis("dim0", input), op.axis("dim1", input)];
    const perm = op.shape(input).map((_, axis) => (axis === a ? b : axis === b ? a : axis));
    return op.node("Transpose", [input], { perm });
  },
  "aten::squeeze": (op) => {
    const input = op.tensor("self");
    const shape = op.shape(input);
    const wanted = op.isGiven("dim") ? [op.axis("dim", input)] : [...shape.keys()];
    const axes = wanted.filter((axis) => shape[axis] === 1);
    return axes.length === 0 ? input : op.node("Squeeze", [input], { axes });
  },
  "aten::unsqueeze": (op) => {
    const input = op.tensor("self");
    const axis = op.number("dim");
    return op.node("Unsqueeze", [input], { axes: [axis < 0 ? axis + op.shape(input).length + 1 : axis] });
  },
  "aten::cat": (op) => {
    const inputs = op.tensors("tensors");
    const axis = op.axis("dim", inputs[0] as string);
    if (isOpen(op.shape(inputs[0] as string)[axis]))
      op.refuse("it joins batches, whose size must stay dynamic");
    return op.node("Concat", inputs, { axis });
  },
  "aten::stack": (op) => {
    const tensors = op.tensors("tensors");
    const axis = op.number("dim");
    const rank = op.shape(tensors[0] as string).length + 1;
    const place = axis < 0 ? axis + rank : axis;
    const unsqueezed = tensors.map((tensor) => op.node("Unsqueeze", [tensor], { axes: [place] }));
    return op.node("Concat", unsqueezed, { axis: place });
  },
  "aten::chunk": split,
  "aten::split": split,
  "aten::split_with_sizes": split,
  "aten::narrow": (op) => {
    const start = op.number("start");
    return slice(op, start, start + op.number("length"), 1);
  },
  "aten::slice": (op) => {
    const start = op.isGiven("start") ? op.number("start") : 0;
    const end = op.isGiven("end") ? op.number("end") : Number.MAX_SAFE_INTEGER;
    return slice(op, start, end, op.number("step"));
  },
  "aten::select": (op) => {
    const index = op.number("index");
    const axis = op.axis("dim", op.tensor("self"));
    const end = index === -1 ? Number.MAX_SAFE_INTEGER : index + 1;
    return op.node("Squeeze", [slice(op, index, end, 1)], { axes: [axis] });
  },
  "aten::channel_shuffle": (op) => {
    const input = op.tensor("self");
    const [, channels = 1, ...image] = op.shape(input).map(Number);
    const groups = op.number("groups");
    const grouped = op.node("Reshape", [input], { shape: [0, groups, channels / groups, ...image] });
    const perm = [0, 2, 1, ...image.map((_, axis) => axis + 3)];
    const shuffled = op.node("Transpose", [grouped], { perm });
    return op.node("Reshape", [shuffled], { shape: [0, channels, ...image] });
  },
  "aten::pixel_shuffle": (op) =>
    op.node("DepthToSpace", [op.tensor("self")], { blocksize: op.number("upscale_factor"), mode: "CRD" }),
  // SpaceToDepth has the channels in another order.
  "aten::pixel_unshuffle": (op) => {
    const input = op.tensor("self");
    const block = op.number("downscale_factor");
    const [, channels = 1, height = 1, width = 1] = op.shape(input).map(Number);
    const [rows, columns] = [height / block, width / block];
    const cut = op.node("Reshape", [input], { shape: [0, channels, rows, block, columns, block] });
    const turned = op.node("Transpose", [cut], { perm: [0, 1, 3, 5, 2, 4] });
    return op.node("Reshape", [turned], { shape: [0, channels * block ** 2, rows, columns] });
  },
  "aten::expand": (op) => {
    const input = op.tensor("self");
    const to = op.recorded[0] as number[];
    const from = op.shape(input);
    const shape = to.map((size, axis) => (isOpen(from[axis - (to.length - from.length)]) ? 1 : size));
    return op.node("Expand", [input], { shape });
  },
  // Only the place or the order in memory changes: a network in channels_last asks for it.
  "aten::contiguous": (op) => op.tensor("self"),
  "aten::clone": (op) => op.tensor("self"),
  "aten::constant_pad_nd": (op) => pad(op, "constant"),
  "aten::pad": (op) => {
    const modes: Record<string, string> = { constant: "constant", reflect: "reflect", replicate: "edge" };
    const mode = modes[op.text("mode")];
    return mode === undefined ? op.refuse(`ONNX has no padding ${op.text("mode")}`) : pad(op, mode);
  },
};

/** 0 copies the axis of the input, −1 takes what is left: the batch size of the trace does not enter the graph. */
function reshape(op: AtenCall, input: string, [asked]: readonly number[] = []): string {
  const [batch, ...rest] = op.recorded[0] as number[];
  const [open] = op.shape(input);
  if (!isOpen(open)) return op.refuse("it moves the batch dimension, which must stay dynamic");
  if (op.isRecordedFor(open, batch)) return op.node("Reshape", [input], { shape: [0, ...rest] });
  // Several for each sample, or one again, are told from other lengths where the call asks for what is left.
  if (asked !== -1) op.refuse("it moves the batch dimension, which must stay dynamic");
  return op.node("Reshape", [input], { shape: [-1, ...rest] });
}

function split(op: AtenCall): string[] {
  const input = op.tensor("self");
  const axis = op.axis("dim", input);
  if (isOpen(op.shape(input)[axis])) op.refuse("it cuts the batch, whose size must stay open");
  const lengths = op.recorded.map((shape) => shape[axis] as number);
  return op.nodeOf(lengths.length, "Split", [input], { axis, split: lengths });
}

/** Bounds may lie outside, or count from the end. */
function slice(op: AtenCall, start: number, end: number, step: number): string {
  const input = op.tensor("self");
  const axis = op.axis("dim", input);
  const length = op.shape(input)[axis];
  if (typeof length !== "number") return op.refuse("it cuts the batch, whose size must stay open");
  const bound = (place: number) => Math.min(length, Math.max(0, place < 0 ? place + length : place));
  const attributes = { starts: [bound(start)], ends: [bound(end)], axes: [axis], steps: [step] };
  return op.node("Slice", [input], attributes);
}

function pad(op: AtenCall, mode: string): string {
  const input = op.tensor("self");
  // ATen lists (before, after) from the last dimension backwards, ONNX all befores and then all afters.
  const rank = op.shape(input).length;
  const pads = new Array<number>(2 * rank).fill(0);
  op.numbers("pad").forEach((size, i) => {
    pads[rank - 1 - (i >> 1) + (i % 2) * rank] = size;
  });
  const value = mode === "constant" && op.isGiven("value") ? op.number("value") : 0;
  return op.node("Pad", [input], {
    pads,
    ...(mode !== "constant" && { mode }),
    ...(value !== 0 && { value }),
  });
}
