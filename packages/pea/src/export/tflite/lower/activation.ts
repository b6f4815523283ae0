/** Activations that stand by themselves. */
import type { Builtin } from "../schema.ts";
import type { Lower } from "./lowering.ts";

const unary =
  (builtin: Builtin): Lower =>
  (site, lowering) => {
    const [input = ""] = site.node.inputs;
    const order = lowering.orderOf(input);
    const tensor = lowering.read(input, order);
    const { alpha = 0.01 } = site.node.attributes;
    lowering.emit(
      builtin,
      [tensor],
      [lowering.write(site.node.outputs[0] as string, order)],
      builtin === "LEAKY_RELU" ? { alpha: Number(alpha) } : {},
    );
  };

export const activation = {
  Clip: unary("RELU6"),
  LeakyRelu: unary("LEAKY_RELU"),
  Relu: unary("RELU"),
  Sigmoid: unary("LOGISTIC"),
};
