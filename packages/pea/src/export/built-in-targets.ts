import { chips } from "./ethos-u/chips.ts";
import { toolchains } from "./toolchains/toolchains.ts";

/** Names of the targets that are there without a module of the user's, as lists have them: help loads none of the targets. */
export const builtInTargets: readonly string[] = [
  "onnx",
  "onnx-int8",
  "tflite",
  "tflm",
  ...[...chips, ...toolchains].map(({ name }) => name),
];
