/** Convolutions of [N, C, …]. */
import { elementsOf, type Shape } from "../graph.ts";
import type { AttributeKind, NodeReader, Operator } from "./operator.ts";
import { windows } from "./windows.ts";

const attributes: Record<string, AttributeKind> = {
  kernel_shape: "ints",
  strides: "ints",
  pads: "ints",
  dilations: "ints",
  group: "int",
};

/** Input [N, C, …], weight [out, C / group, …], bias [out]. */
const Conv: Operator = {
  role: "linear",
  attributes,
  shapes(node) {
    const [batch] = node.input(0);
    const [out = 0, channels = 0, ...kernel] = node.input(1);
    if (node.input(0)[1] !== node.fixed(channels) * node.int("group", 1))
      node.refuse(
        `its weight is for ${node.fixed(channels) * node.int("group", 1)} channels, not ${node.input(0)[1]}`,
      );
    return [
      [
        batch ?? 1,
        out,
        ...windows(
          node,
          kernel.map((size) => node.fixed(size)),
        ),
      ],
    ];
  },
  // Each output element costs its channel's kernel.
  macs: (node) => (elementsOf(node.output) * elementsOf(node.input(1))) / node.size(1, 0),
};

/** Input [N, C, …], weight [C, out / group, …], bias [out]. */
const ConvTranspose: Operator = {
  role: "linear",
  attributes: { ...attributes, output_padding: "ints" },
  shapes(node) {
    const [batch] = node.input(0);
    const out = node.size(1, 1) * node.int("group", 1);
    return [[batch ?? 1, out, ...transposedSizes(node)]];
  },
  // Each input element costs its channel's kernel.
  macs: (node) => (elementsOf(node.input(0)) * elementsOf(node.input(1))) / node.size(1, 0),
};

/** stride · (L − 1) + output padding + dilation · (kernel − 1) + 1 − pads, of each axis. */
function transposedSizes(node: NodeReader): Shape {
  const [, , ...sizes] = node.input(0);
  const [, , ...kernel] = node.input(1);
  const ones = sizes.map(() => 1);
  const strides = node.ints("strides", ones);
  const dilations = node.ints("dilations", ones);
  const pads = node.ints(
    "pads",
    [...ones, ...ones].map(() => 0),
  );
  const outputPadding = node.ints(
    "output_padding",
    ones.map(() => 0),
  );
  return sizes.map((size, axis) => {
    const of = (values: readonly number[], place = axis) => values[place] as number;
    return (
      of(strides) * (node.fixed(size) - 1) +
      of(outputPadding) +
      of(dilations) * (node.fixed(kernel[axis]) - 1) +
      1 -
      of(pads) -
      of(pads, axis + sizes.length)
    );
  });
}

export const convolution = { Conv, ConvTranspose };
