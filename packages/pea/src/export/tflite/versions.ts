/**
 * Versions of operators: the least that has what a network uses of them, since runtimes of a lower one would compute
 * something else.
 *
 * @module
 */
import type { TfliteOperator, TfliteTensor } from "./model.ts";
import type { Builtin } from "./schema.ts";

/** For integers of 8 bits, and of 16; operators whose version depends on more are below. */
const plain: Readonly<Partial<Record<Builtin, readonly [int8: number, int16: number]>>> = {
  ADD: [2, 3],
  AVERAGE_POOL_2D: [2, 3],
  CONCATENATION: [2, 3],
  CONV_2D: [3, 4],
  DEPTHWISE_CONV_2D: [3, 5],
  DEQUANTIZE: [2, 3],
  EXP: [2, 2],
  FULLY_CONNECTED: [4, 4],
  GELU: [2, 2],
  HARD_SWISH: [1, 1],
  LEAKY_RELU: [1, 2],
  LOG: [2, 2],
  LOGISTIC: [2, 3],
  MAX_POOL_2D: [2, 3],
  MEAN: [2, 3],
  PAD: [2, 3],
  PADV2: [2, 3],
  RELU: [2, 3],
  RELU6: [2, 3],
  RESHAPE: [1, 1],
  RESIZE_BILINEAR: [2, 4],
  RESIZE_NEAREST_NEIGHBOR: [2, 4],
  SLICE: [2, 4],
  STRIDED_SLICE: [2, 2],
  SUB: [2, 5],
  TANH: [2, 3],
  TRANSPOSE: [2, 5],
};

/** An operator's version. */
export function versionOf(operator: TfliteOperator, tensors: readonly TfliteTensor[]): number {
  const { builtin, inputs, outputs, options } = operator;
  const [input, second] = inputs.map((place) => tensors[place]);
  const [output] = outputs.map((place) => tensors[place]);
  const isWide = input?.type === "int16" || output?.type === "int16";
  const rank = input?.shape.length ?? 0;
  switch (builtin) {
    case "CONV_2D":
      return input?.shape.at(-1) === second?.shape.at(-1) ? pick(builtin, isWide) : 6;
    case "TRANSPOSE_CONV":
      return options.fused_activation_function === 0 ? 3 : 4;
    case "MUL":
      return isWide ? 4 : isAmplifying(operator, tensors) ? 3 : 2;
    case "QUANTIZE":
      return output?.type === "int16" ? 2 : 1;
    case "TRANSPOSE":
    case "PAD":
    case "PADV2":
      return rank > 4 ? Math.max(4, pick(builtin, isWide)) : pick(builtin, isWide);
    case "SLICE":
      return rank > 4 ? 5 : pick(builtin, isWide);
    case "STRIDED_SLICE":
      return rank > 4 ? 4 : pick(builtin, isWide);
    case "RESIZE_BILINEAR":
    case "RESIZE_NEAREST_NEIGHBOR":
      return options.half_pixel_centers || (options.align_corners && builtin === "RESIZE_NEAREST_NEIGHBOR")
        ? Math.max(3, pick(builtin, isWide))
        : pick(builtin, isWide);
    default:
      return pick(builtin, isWide);
  }
}

function pick(builtin: Builtin, isWide: boolean): number {
  return plain[builtin]?.[isWide ? 1 : 0] ?? 1;
}

/** Whether a step of the product is more than one of the output. */
function isAmplifying({ inputs, outputs }: TfliteOperator, tensors: readonly TfliteTensor[]): boolean {
  const [first, second, output] = [...inputs, ...outputs].map(
    (place) => tensors[place]?.quantization?.scales[0] ?? 1,
  );
  return ((first ?? 1) * (second ?? 1)) / (output ?? 1) >= 1;
}
