import { isOpen } from "@pea/graph";
import type { AtenCall } from "../aten-call.ts";
import type { Converter } from "./converter.ts";

export const activation: Record<string, Converter> = {
  "aten::relu": (op) => op.node("Relu", [op.tensor("self")]),
  "aten::relu6": (op) => op.node("Clip", [op.tensor("self")], { min: 0, max: 6 }),
  "aten::hardtanh": (op) => clip(op, "min_val", "max_val"),
  "aten::clamp": (op) => clip(op, "min", "max"),
  "aten::leaky_relu": (op) =>
    op.node("LeakyRelu", [op.tensor("self")], { alpha: op.number("negative_slope") }),
  "aten::prelu": (op) => {
    const [input, slope] = [op.tensor("self"), op.tensor("weight")];
    // One slope for each channel stands before the axes of the image.
    const channels = op.shape(slope)[0] as number;
    const image = op.shape(input).slice(2);
    const fits = channels === 1 || image.length === 0;
    const stretched = fits
      ? slope
      : op.node("Reshape", [slope], { shape: [channels, ...image.map(() => 1)] });
    return op.node("PRelu", [input, stretched]);
  },
  "aten::sigmoid": (op) => op.node("Sigmoid", [op.tensor("self")]),
  "aten::hardsigmoid": (op) => op.node("HardSigmoid", [op.tensor("self")], { alpha: 1 / 6, beta: 0.5 }),
  "aten::hardswish": (op) => op.node("HardSwish", [op.tensor("self")]),
  "aten::silu": (op) => op.node("Swish", [op.tensor("self")]),
  "aten::gelu": (op) =>
    op.node("Gelu", [op.tensor("self")], {
      approximate: op.isGiven("approximate") ? op.text("approximate") : "none",
    }),
  // Φ(x), which GELU is made of where libtorch's own may not be used.
  "aten::special_ndtr": (op) => {
    const scaled = op.node("Mul", [op.tensor("self"), op.constant(Math.SQRT1_2)]);
    const shifted = op.node("Add", [op.node("Erf", [scaled]), op.constant(1)]);
    return op.node("Mul", [shifted, op.constant(0.5)]);
  },
  "aten::mish": (op) => op.node("Mish", [op.tensor("self")]),
  "aten::elu": (op) => {
    if (op.number("scale") !== 1 || op.number("input_scale") !== 1)
      op.refuse("it scales what it reads or gives");
    return op.node("Elu", [op.tensor("self")], { alpha: op.number("alpha") });
  },
  "aten::tanh": (op) => op.node("Tanh", [op.tensor("self")]),
  "aten::softplus": (op) => {
    if (op.number("beta") !== 1) op.refuse("its beta is not 1");
    return op.node("Softplus", [op.tensor("self")]);
  },
  "aten::softmax": (op) => softmax(op, "Softmax"),
  "aten::log_softmax": (op) => softmax(op, "LogSoftmax"),
};

function softmax(op: AtenCall, operator: string): string {
  const input = op.tensor("self");
  const axis = op.axis("dim", input);
  if (isOpen(op.shape(input)[axis])) op.refuse("it runs over the batch, whose size must stay open");
  return op.node(operator, [input], { axis });
}

/** With 0 as its only bound it is ReLU. */
function clip(op: AtenCall, min: string, max: string): string {
  const input = [op.tensor("self")];
  if (op.isTensor(min) || op.isTensor(max)) op.refuse("its bounds are tensors");
  if (!op.isGiven(max) && op.isGiven(min) && op.number(min) === 0) return op.node("Relu", input);
  return op.node("Clip", input, {
    ...(op.isGiven(min) && { min: op.number(min) }),
    ...(op.isGiven(max) && { max: op.number(max) }),
  });
}
