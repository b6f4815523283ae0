/**
 * The vocabulary: ONNX's operators, as far as networks here use them.
 *
 * @module
 */
import { activation } from "./activation.ts";
import { arithmetic } from "./arithmetic.ts";
import { convolution } from "./convolution.ts";
import { layout } from "./layout.ts";
import { matrix } from "./matrix.ts";
import { normalization } from "./normalization.ts";
import type { Operator } from "./operator.ts";
import { pooling } from "./pooling.ts";
import { quantization } from "./quantization.ts";
import { reductions } from "./reduction.ts";
import { resizing } from "./resize.ts";

/** Every operator by its name. */
export const operators: ReadonlyMap<string, Operator> = new Map(
  Object.entries({
    ...activation,
    ...arithmetic,
    ...convolution,
    ...layout,
    ...matrix,
    ...normalization,
    ...pooling,
    ...quantization,
    ...reductions,
    ...resizing,
  }),
);
