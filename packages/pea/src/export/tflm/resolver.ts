/** The operators that a program for a microcontroller must name, so that it holds no others. */
import { PeaError } from "@pea/core";
import type { TfliteModel } from "../tflite/model.ts";
import type { Builtin } from "../tflite/schema.ts";
import type { WhyNotTaken } from "../tflite/write-tflite.ts";

/** The resolver's functions, by the schema's names; null where there is no kernel. */
const functions: Readonly<Record<Builtin, string | null>> = {
  ADD: "AddAdd",
  AVERAGE_POOL_2D: "AddAveragePool2D",
  CONCATENATION: "AddConcatenation",
  CONV_2D: "AddConv2D",
  DEPTHWISE_CONV_2D: "AddDepthwiseConv2D",
  DEQUANTIZE: "AddDequantize",
  EXP: "AddExp",
  FULLY_CONNECTED: "AddFullyConnected",
  GELU: null,
  HARD_SWISH: "AddHardSwish",
  LEAKY_RELU: "AddLeakyRelu",
  LOG: "AddLog",
  LOGISTIC: "AddLogistic",
  MAX_POOL_2D: "AddMaxPool2D",
  MEAN: "AddMean",
  MUL: "AddMul",
  PAD: "AddPad",
  PADV2: "AddPadV2",
  QUANTIZE: "AddQuantize",
  RELU: "AddRelu",
  RELU6: "AddRelu6",
  RESHAPE: "AddReshape",
  RESIZE_BILINEAR: "AddResizeBilinear",
  RESIZE_NEAREST_NEIGHBOR: "AddResizeNearestNeighbor",
  SLICE: "AddSlice",
  STRIDED_SLICE: "AddStridedSlice",
  SUB: "AddSub",
  TANH: "AddTanh",
  TRANSPOSE: "AddTranspose",
  TRANSPOSE_CONV: "AddTransposeConv",
};

const runtime = "LiteRT for Microcontrollers";

/** What it has against an operator. */
export const whyNoKernel: WhyNotTaken = ({ builtin, outputs: [output = -1] }, tensors) => {
  if (functions[builtin] === null) return `${runtime} has no kernel for ${builtin}`;
  if (builtin === "RESIZE_BILINEAR" && tensors[output]?.type === "int16")
    return `${runtime} has no kernel for ${builtin} of int16; take activations of int8, or scale by nearest pixels`;
  return undefined;
};

/**
 * Those that a file needs, each once.
 *
 * @throws PeaError for an operator without a kernel
 */
export function resolverFunctions({
  operators,
  tensors,
}: Pick<TfliteModel, "operators" | "tensors">): string[] {
  const names = operators.map((operator) => {
    const reason = whyNoKernel(operator, tensors);
    if (reason !== undefined) throw new PeaError(reason);
    return functions[operator.builtin] as string;
  });
  return [...new Set(names)].sort();
}
