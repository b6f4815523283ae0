/**
 * How each of libtorch's operators is said in the graph's vocabulary.
 *
 * @module
 */
import { activation } from "./activation.ts";
import { arithmetic } from "./arithmetic.ts";
import type { Converter } from "./converter.ts";
import { convolution } from "./convolution.ts";
import { layout } from "./layout.ts";
import { matrix } from "./matrix.ts";
import { normalization } from "./normalization.ts";
import { pooling } from "./pooling.ts";
import { reduction } from "./reduction.ts";
import { resize } from "./resize.ts";

/** By the operator's name, with its overload where that makes a difference. */
export const converters: ReadonlyMap<string, Converter> = new Map(
  Object.entries({
    ...activation,
    ...arithmetic,
    ...convolution,
    ...layout,
    ...matrix,
    ...normalization,
    ...pooling,
    ...reduction,
    ...resize,
  }),
);
