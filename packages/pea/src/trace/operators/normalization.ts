import type { Converter } from "./converter.ts";

export const normalization: Record<string, Converter> = {
  "aten::batch_norm": (op) => {
    if (op.flag("training")) op.refuse("it uses batch statistics (training mode)");
    const inputs = ["input", "weight", "bias", "running_mean", "running_var"].map((name) => op.tensor(name));
    return op.node("BatchNormalization", inputs, { epsilon: op.number("eps") });
  },
  "aten::layer_norm": (op) => {
    const shape = op.numbers("normalized_shape");
    const scale = op.isGiven("weight") ? op.tensor("weight") : op.filled(shape, 1);
    return op.node("LayerNormalization", [op.tensor("input"), scale, op.optionalTensor("bias")], {
      axis: -shape.length,
      epsilon: op.number("eps"),
    });
  },
  "aten::dropout": (op) =>
    op.flag("train") ? op.refuse("it drops elements (training mode)") : op.tensor("input"),
};
