/** The largest element or the mean of windows and of whole channels. */
import type { FileNode } from "../file-node.ts";
import type { Converter } from "./converter.ts";
import { windowAttributes } from "./windows.ts";

const MaxPool: Converter = (node) => {
  const attributes = { ...pooling(node), ceil_mode: node.number("ceil_mode") ?? 0 };
  if (node.outputs.length === 1) return node.result("MaxPool", [node.input(0)], attributes);
  node.same(node.step("MaxPool", [node.input(0)], attributes));
  node.leaveOut(1, "it gives the places of the largest elements, which are not followed");
};

const AveragePool: Converter = (node) => {
  const { dilations, ...attributes } = pooling(node);
  if (dilations.some((dilation) => dilation !== 1))
    node.refuse("its windows have holes, which are not followed");
  node.result("AveragePool", [node.input(0)], {
    ...attributes,
    ceil_mode: node.number("ceil_mode") ?? 0,
    count_include_pad: node.number("count_include_pad") ?? 0,
  });
};

const pooling = (node: FileNode) =>
  windowAttributes(node, node.integers("kernel_shape") ?? node.refuse("kernel_shape is missing"));

export const poolings: Readonly<Record<string, Converter>> = {
  MaxPool,
  AveragePool,
  GlobalAveragePool: (node) => node.result("GlobalAveragePool", [node.input(0)]),
  GlobalMaxPool: (node) => node.result("GlobalMaxPool", [node.input(0)]),
};
