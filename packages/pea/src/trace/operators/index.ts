/**
 * How each of libtorch's operators is said in the graph's vocabulary.
 *
 * @module
 */
import { arithmetic } from "./arithmetic.ts";
import type { Converter } from "./converter.ts";
import { convolution } from "./convolution.ts";
import { elementwise } from "./elementwise.ts";
import { layout } from "./layout.ts";
import { matrix } from "./matrix.ts";
import { pooling } from "./pooling.ts";
import { reduction } from "./reduction.ts";
import { resize } from "./resize.ts";

/** By the operator's name, with its overload where that makes a difference. */
export const converters: ReadonlyMap<string, Converter> = new Map(
  Object.entries({
    ...arithmetic,
    ...convolution,
    ...elementwise,
    ...layout,
    ...matrix,
    ...pooling,
    ...reduction,
    ...resize,
  }),
);
