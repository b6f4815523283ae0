/** Normalizations. */
import type { Converter } from "./converter.ts";

const usualMomentum = 0.9;

/** As it evaluates: files written in training mode have further outputs, and nothing may read them. */
const BatchNormalization: Converter = (node) => {
  const inputs = [0, 1, 2, 3, 4].map((place) => node.input(place));
  const momentum = node.number("momentum") ?? usualMomentum;
  const attributes = {
    epsilon: node.number("epsilon") ?? 1e-5,
    // PyTorch writes its average of all batches as 1, which would keep the statistics as they are.
    momentum: momentum < 1 ? momentum : usualMomentum,
  };
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
