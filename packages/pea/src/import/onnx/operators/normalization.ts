/** Normalizations. */
import type { Converter } from "./converter.ts";

/** As it evaluates: files written in training mode have further outputs, and nothing may read them. */
const BatchNormalization: Converter = (node) => {
  const inputs = [0, 1, 2, 3, 4].map((place) => node.input(place));
  const attributes = { epsilon: node.number("epsilon") ?? 1e-5 };
  if (node.outputs.length === 1) node.result("BatchNormalization", inputs, attributes);
  else node.same(node.step("BatchNormalization", inputs, attributes));
};

const LayerNormalization: Converter = (node) =>
  node.result("LayerNormalization", [node.input(0), node.input(1), node.optionalInput(2)], {
    axis: node.axis(node.number("axis") ?? -1),
    epsilon: node.number("epsilon") ?? 1e-5,
  });

export const normalizations: Readonly<Record<string, Converter>> = {
  BatchNormalization,
  LayerNormalization,
};
