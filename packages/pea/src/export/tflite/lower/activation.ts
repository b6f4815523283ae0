/** Activations that stand by themselves. */
import type { Builtin } from "../schema.ts";
import type { Lower } from "./lowering.ts";

const unary =
  (builtin: Builtin): Lower =>
  (site, lowering) => {
    const [input = ""] = site.node.inputs;
    const order = lowering.orderOf(input);
    const tensor = lowering.read(input, order);
    if (builtin === "LOGISTIC" && site.quantization(0).type === "int16")
      site.refuse("there is no Sigmoid of int16 here; take activations of int8");
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
