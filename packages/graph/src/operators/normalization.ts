/** Brought to mean 0 and variance 1, then scaled and shifted. */
import { formatShape } from "../graph.ts";
import { broadcastShapes } from "./arithmetic.ts";
import type { Operator } from "./operator.ts";

/**
 * scale · (x − mean) / √(variance + epsilon) + bias, each of a channel; inputs x, scale, bias, mean, variance. In training
 * `momentum` is the share of the old mean and variance in the new ones, 0.9 where it is left out.
 */
const BatchNormalization: Operator = {
  role: "linear",
  attributes: { epsilon: "float", momentum: "float" },
  shapes: (node) => [node.input(0)],
};

/** The same with mean and variance of each sample's own elements, over the axes from `axis` on; inputs x, scale, bias. */
const LayerNormalization: Operator = {
  role: "normalize",
  attributes: { axis: "int", epsilon: "float" },
  shapes(node) {
    const from = node.input(0);
    const normalized = from.slice(node.axis(node.int("axis", -1)));
    for (const shape of node.inputs.slice(1))
      if (formatShape(broadcastShapes(node, normalized, shape)) !== formatShape(normalized))
        node.refuse(
          `${formatShape(shape)} does not fit the axes ${formatShape(normalized)} that it normalizes`,
        );
    return [from];
  },
};

/** The same with mean and variance of each sample's and channel's own elements; inputs x, scale and bias of each channel. */
const InstanceNormalization: Operator = {
  role: "normalize",
  attributes: { epsilon: "float" },
  shapes: (node) => [node.input(0)],
};

export const normalization = { BatchNormalization, LayerNormalization, InstanceNormalization };
