/** ONNX files, proven by ONNX Runtime. */
import { PeaError } from "@pea/core";
import type { FloatTarget } from "../target.ts";
import { encodeOnnx } from "./encode.ts";
import { lowerToOpset } from "./lower.ts";
import { opsets, usualOpset } from "./opsets.ts";
import { type Verification, verifyOnnx } from "./verify.ts";

export const onnxTarget: FloatTarget<Verification> = {
  name: "onnx",
  title: "ONNX",
  file: "model.onnx",
  opsets,
  hasLayouts: true,
  obstacle(graph) {
    try {
      lowerToOpset(graph, usualOpset);
      return null;
    } catch (error) {
      if (error instanceof PeaError) return error.message;
      throw error;
    }
  },
  write: encodeOnnx,
  verify: (file, { model, inputs }) => verifyOnnx(file, model, inputs),
  describe: ({ images, largestDifference, allowed }) => [
    `ONNX Runtime agrees with libtorch on ${images} test images: largest difference ` +
      `${largestDifference.toExponential(1)} (allowed ${allowed.toExponential(1)})`,
  ],
};
