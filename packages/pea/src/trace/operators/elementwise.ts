import type { AtenCall } from "../aten-call.ts";
import type { Converter } from "./converter.ts";

export const elementwise: Record<string, Converter> = {
  "aten::batch_norm": (op) => {
    if (op.flag("training")) op.refuse("it uses batch statistics (training mode)");
    const inputs = ["input", "weight", "bias", "running_mean", "running_var"].map((name) => op.tensor(name));
    return op.node("BatchNormalization", inputs, { epsilon: op.number("eps") });
  },
  "aten::relu": (op) => op.node("Relu", [op.tensor("self")]),
  "aten::relu6": (op) => op.node("Clip", [op.tensor("self")], { min: 0, max: 6 }),
  "aten::hardtanh": (op) => clip(op, "min_val", "max_val"),
  "aten::clamp": (op) => clip(op, "min", "max"),
  "aten::sigmoid": (op) => op.node("Sigmoid", [op.tensor("self")]),
  "aten::softmax": (op) => {
    const input = op.tensor("self");
    const axis = op.axis("dim", input);
    if (op.shape(input)[axis] === "batch") op.refuse("it runs over the batch, whose size must stay open");
    return op.node("Softmax", [input], { axis });
  },
  // Only the order in memory changes: a network in channels_last asks for it.
  "aten::contiguous": (op) => op.tensor("self"),
  "aten::dropout": (op) =>
    op.flag("train") ? op.refuse("it drops elements (training mode)") : op.tensor("input"),
};

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
