import type { Attributes } from "@pea/graph";
import type { AtenCall } from "../aten-call.ts";
import type { Converter } from "./converter.ts";
import { twice } from "./convolution.ts";

export const pooling: Record<string, Converter> = {
  "aten::max_pool1d": maxPool,
  "aten::max_pool2d": maxPool,
  "aten::avg_pool1d": averagePool,
  "aten::avg_pool2d": averagePool,
  "aten::adaptive_avg_pool1d": adaptiveAverage,
  "aten::adaptive_avg_pool2d": adaptiveAverage,
};

function maxPool(op: AtenCall): string {
  const attributes = { ...windowsOf(op), dilations: op.numbers("dilation") };
  return op.node("MaxPool", [op.tensor("self")], attributes);
}

function averagePool(op: AtenCall): string {
  if (op.isGiven("divisor_override")) op.refuse("it divides by a number of its own (divisor_override)");
  const windows = windowsOf(op);
  // Without padding there is none to count; ONNX Runtime's pool of integers would count what a rounded size lets the last
  // window reach beyond the image.
  const countsPadding = op.flag("count_include_pad") && windows.pads.some((size) => size > 0);
  if (countsPadding && windows.ceil_mode === 1) return averageOfPadded(op, windows);
  const attributes = { ...windows, count_include_pad: countsPadding ? 1 : 0 };
  return op.node("AveragePool", [op.tensor("self")], attributes);
}

/**
 * Runtimes differ in what the last window counts, where sizes are rounded up and the padding counts: a padding of its own
 * leaves them nothing to count. A window that begins in the padding behind, which libtorch leaves out, is cut off.
 */
function averageOfPadded(
  op: AtenCall,
  { pads, ...windows }: Attributes & { pads: readonly number[] },
): string {
  const input = op.tensor("self");
  const half = pads.slice(0, pads.length / 2);
  const padded = op.node("Pad", [input], { pads: twice([0, 0, ...half]) });
  const pooled = op.node("AveragePool", [padded], { ...windows, count_include_pad: 0 });
  const wanted = (op.recorded[0] as number[]).slice(2);
  const axes = wanted.map((_, axis) => axis + 2);
  if (wanted.every((size, axis) => size === op.shape(pooled)[axis + 2])) return pooled;
  const [starts, steps] = [wanted.map(() => 0), wanted.map(() => 1)];
  return op.node("Slice", [pooled], { starts, ends: wanted, axes, steps });
}

function adaptiveAverage(op: AtenCall): string {
  const input = op.tensor("self");
  const to = op.numbers("output_size");
  if (to.every((size) => size === 1)) return op.node("GlobalAveragePool", [input]);
  const from = op.shape(input).slice(-to.length).map(Number);
  const windows = to.map((size, axis) => adaptiveWindows(from[axis] as number, size));
  const regular = windows.map(regularWindow);
  if (regular.every((window) => window !== null))
    return op.node("AveragePool", [input], {
      kernel_shape: regular.map(({ length }) => length),
      strides: regular.map(({ stride }) => stride),
    });
  return windows.reduce((value, each, axis) => averagesAlong(op, value, axis - to.length, each), input);
}

interface Window {
  readonly begin: number;
  readonly end: number;
}

/** From ⌊i · from / to⌋ to before ⌈(i + 1) · from / to⌉, for element i of the result. */
function adaptiveWindows(from: number, to: number): Window[] {
  return Array.from({ length: to }, (_, i) => ({
    begin: Math.floor((i * from) / to),
    end: Math.ceil(((i + 1) * from) / to),
  }));
}

/** The one length and stride of all windows; null where they differ. */
function regularWindow(windows: readonly Window[]): { length: number; stride: number } | null {
  const [first, second] = windows as [Window, Window?];
  const length = first.end - first.begin;
  const stride = second === undefined ? length : second.begin;
  const isRegular = windows.every(({ begin, end }, i) => begin === i * stride && end - begin === length);
  return isRegular && stride > 0 ? { length, stride } : null;
}

/** Means over windows of one of the last two axes: a product with the matrix that has 1 / length inside each window. */
function averagesAlong(op: AtenCall, value: string, axis: number, windows: readonly Window[]): string {
  const from = Number(op.shape(value).at(axis));
  const to = windows.length;
  const isLast = axis === -1;
  const share = (i: number, place: number) => {
    const { begin, end } = windows[i] as Window;
    return place >= begin && place < end ? 1 / (end - begin) : 0;
  };
  const elements = Array.from({ length: from * to }, (_, n) =>
    isLast ? share(n % to, Math.floor(n / to)) : share(Math.floor(n / from), n % from),
  );
  const matrix = op.constants(isLast ? [from, to] : [to, from], elements);
  return op.node("MatMul", isLast ? [value, matrix] : [matrix, value]);
}

function windowsOf(op: AtenCall) {
  const kernel = op.numbers("kernel_size");
  const strides = op.numbers("stride");
  return {
    kernel_shape: kernel,
    strides: strides.length === 0 ? kernel : strides,
    pads: twice(op.numbers("padding")),
    ceil_mode: op.flag("ceil_mode") ? 1 : 0,
  };
}
