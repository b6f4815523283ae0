/**
 * The vocabulary: ONNX's operators, as far as networks here use them.
 *
 * @module
 */
import { arithmetic } from "./arithmetic.ts";
import { convolution } from "./convolution.ts";
import { elementwise } from "./elementwise.ts";
import { layout } from "./layout.ts";
import { matrix } from "./matrix.ts";
import type { Operator } from "./operator.ts";
import { pooling } from "./pooling.ts";
import { reductions } from "./reduction.ts";
import { resizing } from "./resize.ts";

/** Every operator by its name. */
export const operators: ReadonlyMap<string, Operator> = new Map(
  Object.entries({
    ...arithmetic,
    ...convolution,
    ...elementwise,
    ...layout,
    ...matrix,
    ...pooling,
    ...reductions,
    ...resizing,
  }),
);
