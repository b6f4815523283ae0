import { call, type MaxPoolOptions, type Pair, type Tensor } from "@pea/torch";

const dtypes = ["float32", "bfloat16", "float64"];
/** Positions in a window that a byte can tell apart. */
const MOST_POSITIONS = 256;

/**
 * Max pooling whose backward pass needs a byte for each output, what `MaxPool2d` of @pea/torch runs on once the kernels
 * are loaded: libtorch's keeps the input and 64-bit indices. Differentiable once; bit for bit libtorch's results, but
 * for gradients in bfloat16, which are summed in float32.
 *
 * @param input [N, C, H, W]
 * @returns undefined, having done nothing, off the CPU, for other dtypes than float32, bfloat16 and float64, another
 *   number of dimensions, in ceil mode, and for windows of more than 256 elements
 */
export function compactMaxPool2d(
  input: Tensor,
  kernelSize: Pair,
  { stride, padding, dilation, ceilMode }: MaxPoolOptions = {},
): Tensor | undefined {
  const [height, width] = typeof kernelSize === "number" ? [kernelSize, kernelSize] : kernelSize;
  const isCovered = input.ndim === 4 && input.device === "cpu" && dtypes.includes(input.dtype) && !ceilMode;
  if (!isCovered || height * width > MOST_POSITIONS) return undefined;
  return call("pea::max_pool2d", input, kernelSize, stride, padding, dilation);
}
