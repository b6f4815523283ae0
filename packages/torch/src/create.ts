import { native } from "./binding.ts";
import { call } from "./call.ts";
import { type DType, rethrow, type Tensor, wrap } from "./tensor.ts";
import { checkRange, dtypeOf, flatten, type NestedArray, shapeOf, type TypedArray } from "./typed-array.ts";

/** What every creating function takes. */
export interface CreateOptions {
  /** Default: float32 (int64 for arange and randperm). */
  dtype?: DType;
  /** `"cpu"` (default), `"cuda"`, `"cuda:1"`. */
  device?: string;
  /** Whether backward() computes a gradient for it; default false. */
  requiresGrad?: boolean;
}

function finish(tensor: Tensor, options: CreateOptions): Tensor {
  if (options.requiresGrad) tensor.requiresGrad = true;
  return tensor;
}

/**
 * A tensor with a copy of the data: nested arrays, or a row-major typed array with an optional shape.
 *
 * @example
 * tensor([[1, 2], [3, 4]]);
 * tensor(new Float32Array(6), { shape: [2, 3], requiresGrad: true });
 * @throws TorchError for ragged rows, a shape that does not fit the data, and values that the dtype cannot hold
 */
export function tensor(
  data: NestedArray | TypedArray,
  options: CreateOptions & { shape?: readonly number[] } = {},
): Tensor {
  const isTyped = ArrayBuffer.isView(data);
  const shape = options.shape ?? (isTyped ? [(data as TypedArray).length] : shapeOf(data as NestedArray));
  const dtype = options.dtype ?? (isTyped ? dtypeOf(data as TypedArray) : "float32");
  const natural = isTyped
    ? dtypeOf(data as TypedArray)
    : dtype === "bfloat16" || dtype === "float16"
      ? "float32"
      : dtype;
  if (isTyped && natural !== dtype) checkRange(data as TypedArray, dtype);
  const array = isTyped ? (data as TypedArray) : flatten(data as NestedArray, shape, natural);
  const made = wrap(rethrow("tensor", () => native.fromBytes(array, natural, shape)));
  if (natural === dtype && (options.device ?? "cpu") === "cpu") return finish(made, options);
  const moved = call("aten::to.dtype_layout", made, dtype, null, options.device ?? "cpu");
  if (!moved.isSame(made)) made.dispose();
  return finish(moved, options);
}

/** All zeros. */
export function zeros(shape: readonly number[], options: CreateOptions = {}): Tensor {
  return finish(
    call("aten::zeros", shape, options.dtype ?? "float32", null, options.device ?? "cpu"),
    options,
  );
}

/** All ones. */
export function ones(shape: readonly number[], options: CreateOptions = {}): Tensor {
  return finish(
    call("aten::ones", shape, options.dtype ?? "float32", null, options.device ?? "cpu"),
    options,
  );
}

/** All equal to `value`. */
export function full(shape: readonly number[], value: number, options: CreateOptions = {}): Tensor {
  return finish(
    call("aten::full", shape, value, options.dtype ?? "float32", null, options.device ?? "cpu"),
    options,
  );
}

/** Uninitialized memory: write before reading. */
export function empty(shape: readonly number[], options: CreateOptions = {}): Tensor {
  return finish(
    call("aten::empty.memory_format", shape, options.dtype ?? "float32", null, options.device ?? "cpu"),
    options,
  );
}

/** Standard normal numbers from the global generator (`manualSeed`). */
export function randn(shape: readonly number[], options: CreateOptions = {}): Tensor {
  return finish(
    call("aten::randn", shape, options.dtype ?? "float32", null, options.device ?? "cpu"),
    options,
  );
}

/** Uniform numbers in [0, 1) from the global generator. */
export function rand(shape: readonly number[], options: CreateOptions = {}): Tensor {
  return finish(
    call("aten::rand", shape, options.dtype ?? "float32", null, options.device ?? "cpu"),
    options,
  );
}

/** A random permutation of 0 … n−1 from the global generator. */
export function randperm(n: number, options: CreateOptions = {}): Tensor {
  return finish(call("aten::randperm", n, options.dtype ?? "int64", null, options.device ?? "cpu"), options);
}

/** start, start + step, … below end (one argument: from 0). */
export function arange(start: number, end?: number, step = 1, options: CreateOptions = {}): Tensor {
  const [from, to] = end === undefined ? [0, start] : [start, end];
  return finish(
    call("aten::arange.start_step", from, to, step, options.dtype ?? "int64", null, options.device ?? "cpu"),
    options,
  );
}
