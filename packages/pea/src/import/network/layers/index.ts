/**
 * How each operator is computed.
 *
 * @module
 */
import { elementwise } from "./activation.ts";
import { arithmetic } from "./arithmetic.ts";
import { convolution } from "./convolution.ts";
import type { Layer } from "./layer.ts";
import { layout } from "./layout.ts";
import { normalization } from "./normalization.ts";
import { pooling } from "./pooling.ts";
import { resizing } from "./resize.ts";

/** By ONNX's names. */
export const layers: ReadonlyMap<string, Layer> = new Map(
  Object.entries({
    ...arithmetic,
    ...convolution,
    ...elementwise,
    ...layout,
    ...normalization,
    ...pooling,
    ...resizing,
  }),
);
