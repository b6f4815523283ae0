/** Images of another size. */
import { isOpen, type Size } from "../graph.ts";
import type { Operator } from "./operator.ts";

/**
 * Another size along `axes`: to `sizes`, or `scales` of all axes times as large, rounded down. `mode` is `nearest` or
 * `linear`; `coordinate_transformation_mode` says where an element of the result lies in the input.
 */
const Resize: Operator = {
  role: "linear",
  attributes: {
    axes: "ints",
    sizes: "ints",
    scales: "floats",
    mode: "string",
    coordinate_transformation_mode: "string",
    nearest_mode: "string",
  },
  shapes(node) {
    const from = node.input(0);
    if (node.node.attributes.scales !== undefined)
      return [from.map((size, axis) => scaled(size, node.ints("scales")[axis] ?? 1))];
    const axes = node.axes("axes", [...from.keys()]);
    return [from.map((size, axis) => node.ints("sizes")[axes.indexOf(axis)] ?? size)];
  },
};

/** As runtimes compute it, in float32. */
const scaled = (size: Size, scale: number): Size =>
  isOpen(size) ? size : Math.floor(Math.fround(size * Math.fround(scale)));

export const resizing = { Resize };
