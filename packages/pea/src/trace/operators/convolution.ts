import type { AtenCall } from "../aten-call.ts";
import type { Converter } from "./converter.ts";

export const convolution: Record<string, Converter> = {
  "aten::conv1d": (op) => convolve(op, twice(op.numbers("padding"))),
  "aten::conv2d": (op) => convolve(op, twice(op.numbers("padding"))),
  "aten::conv1d.padding": (op) => convolve(op, namedPads(op)),
  "aten::conv2d.padding": (op) => convolve(op, namedPads(op)),
  "aten::conv_transpose1d": transposed,
  "aten::conv_transpose2d": transposed,
};

function transposed(op: AtenCall): string {
  const inputs = [op.tensor("input"), op.tensor("weight"), op.optionalTensor("bias")];
  return op.node("ConvTranspose", inputs, {
    kernel_shape: kernelOf(op),
    strides: op.numbers("stride"),
    pads: twice(op.numbers("padding")),
    output_padding: op.numbers("output_padding"),
    group: op.number("groups"),
    dilations: op.numbers("dilation"),
  });
}

function convolve(op: AtenCall, pads: readonly number[]): string {
  const inputs = [op.tensor("input"), op.tensor("weight"), op.optionalTensor("bias")];
  return op.node("Conv", inputs, {
    kernel_shape: kernelOf(op),
    strides: op.numbers("stride"),
    pads,
    dilations: op.numbers("dilation"),
    group: op.number("groups"),
  });
}

function kernelOf(op: AtenCall): number[] {
  return op.shape(op.tensor("weight")).slice(2).map(Number);
}

/** "valid" is none; "same" keeps the size, with one more after where the sum is odd. */
function namedPads(op: AtenCall): number[] {
  if (op.text("padding") === "valid") return twice(kernelOf(op).map(() => 0));
  const total = kernelOf(op).map((size, axis) => (size - 1) * (op.numbers("dilation")[axis] as number));
  return [...total.map((sum) => sum >> 1), ...total.map((sum) => sum - (sum >> 1))];
}

/** The same before and after each axis. */
export function twice(values: readonly number[]): number[] {
  return [...values, ...values];
}
