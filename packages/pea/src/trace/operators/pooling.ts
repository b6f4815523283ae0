import type { AtenCall } from "../aten-call.ts";
import type { Converter } from "./converter.ts";
import { twice } from "./convolution.ts";

export const pooling: Record<string, Converter> = {
  "aten::max_pool2d": (op) =>
    op.node("MaxPool", [op.tensor("self")], { ...windowsOf(op), dilations: op.numbers("dilation") }),
  "aten::avg_pool2d": (op) => {
    if (op.isGiven("divisor_override")) op.refuse("it divides by a number of its own (divisor_override)");
    const countsPadding = op.flag("count_include_pad");
    if (op.flag("ceil_mode") && countsPadding && op.numbers("padding").some((size) => size > 0))
      op.refuse("runtimes differ in what ceil_mode counts where the padding counts too");
    return op.node("AveragePool", [op.tensor("self")], {
      ...windowsOf(op),
      count_include_pad: countsPadding ? 1 : 0,
    });
  },
  "aten::adaptive_avg_pool2d": (op) => {
    const input = op.tensor("self");
    const sizes = op.numbers("output_size");
    if (sizes.every((size) => size === 1)) return op.node("GlobalAveragePool", [input]);
    const kernel = op
      .shape(input)
      .slice(-2)
      .map((size, axis) => Number(size) / (sizes[axis] as number));
    if (!kernel.every(Number.isInteger))
      op.refuse(
        `an output of ${sizes.join("×")} does not divide its input of ${op.shape(input).slice(-2).join("×")}`,
      );
    return op.node("AveragePool", [input], { kernel_shape: kernel, strides: kernel });
  },
};

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
