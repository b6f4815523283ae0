/**
 * ONNX's operators, put in the graph's words: a small function for each.
 *
 * @module
 */
import type { Converter } from "./converter.ts";
import { convolution } from "./convolution.ts";
import { elementwise } from "./elementwise.ts";
import { layout } from "./layout.ts";
import { matrix } from "./matrix.ts";
import { normalizations } from "./normalization.ts";
import { poolings } from "./pooling.ts";
import { reductions } from "./reduction.ts";
import { resizing } from "./resize.ts";

/** Each by ONNX's name of the operator. */
export const converters: ReadonlyMap<string, Converter> = new Map(
  Object.entries({
    ...convolution,
    ...elementwise,
    ...layout,
    ...matrix,
    ...normalizations,
    ...poolings,
    ...reductions,
    ...resizing,
  }),
);
