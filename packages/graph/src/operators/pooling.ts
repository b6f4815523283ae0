/** Pooling of each channel of [N, C, …]. */
import type { AttributeKind, NodeReader, Operator } from "./operator.ts";
import { windows } from "./windows.ts";

const attributes: Record<string, AttributeKind> = {
  kernel_shape: "ints",
  strides: "ints",
  pads: "ints",
  ceil_mode: "int",
};

/** Largest element of each window. */
const MaxPool: Operator = {
  role: "select",
  attributes: { ...attributes, dilations: "ints" },
  shapes: pooled,
};

/** Mean of each window; the padding counts as zeros where `count_include_pad` is 1. */
const AveragePool: Operator = {
  role: "linear",
  attributes: { ...attributes, count_include_pad: "int" },
  shapes: pooled,
};

/** Mean of each channel. */
const GlobalAveragePool: Operator = { role: "linear", attributes: {}, shapes: global };

/** Largest element of each channel. */
const GlobalMaxPool: Operator = { role: "select", attributes: {}, shapes: global };

function pooled(node: NodeReader) {
  const [batch = 1, channels = 1] = node.input(0);
  return [[batch, channels, ...windows(node, node.ints("kernel_shape"))]];
}

function global(node: NodeReader) {
  const [batch = 1, channels = 1, ...rest] = node.input(0);
  return [[batch, channels, ...rest.map(() => 1)]];
}

export const pooling = { MaxPool, AveragePool, GlobalAveragePool, GlobalMaxPool };
