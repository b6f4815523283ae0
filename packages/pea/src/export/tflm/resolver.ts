/** The operators that a program for a microcontroller must name, so that it holds no others. */
import { PeaError } from "@pea/core";
import type { TfliteModel } from "../tflite/model.ts";
import type { Builtin } from "../tflite/schema.ts";

/** The resolver's functions, by the schema's names; null where there is no kernel. */
const functions: Readonly<Record<Builtin, string | null>> = {
  ADD: "AddAdd",
  AVERAGE_POOL_2D: "AddAveragePool2D",
  CONCATENATION: "AddConcatenation",
  CONV_2D: "AddConv2D",
  DEPTHWISE_CONV_2D: "AddDepthwiseConv2D",
  DEQUANTIZE: "AddDequantize",
  EXP: "AddExp",
  GELU: null,
  HARD_SWISH: "AddHardSwish",
  LEAKY_RELU: "AddLeakyRelu",
  LOG: "AddLog",
  LOGISTIC: "AddLogistic",
  MAX_POOL_2D: "AddMaxPool2D",
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

/**
 * Those that a file needs, each once.
 *
 * @throws PeaError for an operator without a kernel
 */
export function resolverFunctions({
  operators,
  tensors,
}: Pick<TfliteModel, "operators" | "tensors">): string[] {
  const names = operators.map(({ builtin, outputs: [output = -1] }) => {
    const name = functions[builtin];
    if (name === null) throw new PeaError(`${runtime} has no kernel for ${builtin}`);
    if (builtin === "RESIZE_BILINEAR" && tensors[output]?.type === "int16")
      throw new PeaError(
        `${runtime} has no kernel for ${builtin} of int16; take activations of int8, or scale by nearest pixels`,
      );
    return name;
  });
  return [...new Set(names)].sort();
}

const runtime = "LiteRT for Microcontrollers";
