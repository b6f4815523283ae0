import { native } from "./binding.ts";
import { call, type Value } from "./call.ts";
import type { DType } from "./dtype.ts";
import { describe, TorchError } from "./error.ts";
import { optionsOf } from "./options.ts";
import { rethrow, type Tensor, wrap } from "./tensor.ts";
import {
  checkRange,
  dtypeOf,
  dtypeOfValues,
  flatten,
  type NestedArray,
  shapeOf,
  type TypedArray,
} from "./typed-array.ts";

/** What every creating function takes. */
export interface CreateOptions {
  /** Default: float32 (int64 for arange and randperm; for `tensor` by its data). */
  dtype?: DType;
  /** `"cpu"` (default), `"cuda"`, `"cuda:1"`. */
  device?: string;
  /** Whether backward() computes a gradient for it; default false. */
  requiresGrad?: boolean;
}

/**
 * A tensor with a copy of the data: nested arrays, or a row-major typed array. `shape` gives the same values, row by
 * row, another shape.
 *
 * The dtype follows the data: that of a typed array, else float32 for numbers, int64 for BigInts, bool for booleans.
 *
 * @example
 * tensor([[1, 2], [3, 4]]);
 * tensor(new Float32Array(6), { shape: [2, 3], requiresGrad: true });
 * @throws TorchError for ragged rows, a shape that does not fit the data, values that the dtype cannot hold, and kinds
 * of values side by side where no dtype is given
 */
export function tensor(
  data: NestedArray | TypedArray,
  options: CreateOptions & { shape?: readonly number[] } = {},
): Tensor {
  const { device = "cpu", ...given } = optionsOf(
    "tensor(data, { shape, dtype, device, requiresGrad })",
    options,
  );
  const isTyped = ArrayBuffer.isView(data);
  const ownShape = isTyped ? [data.length] : shapeOf(data);
  const dtype = given.dtype ?? (isTyped ? dtypeOf(data) : dtypeOfValues(data));
  const natural = isTyped ? dtypeOf(data) : dtype === "bfloat16" || dtype === "float16" ? "float32" : dtype;
  if (isTyped && natural !== dtype) checkRange(data, dtype);
  const array = isTyped ? data : flatten(data, ownShape, natural);
  const { shape = ownShape } = given;
  requireFit(array.length, shape);
  const made = wrap(rethrow("tensor", () => native.fromBytes(array, natural, shape)));
  if (natural === dtype && device === "cpu") return finish(made, given);
  const moved = call("aten::to.dtype_layout", made, dtype, null, device);
  if (!moved.isSame(made)) made.dispose();
  return finish(moved, given);
}

/** All zeros. */
export function zeros(shape: readonly number[], options: CreateOptions = {}): Tensor {
  requireShape("zeros", shape);
  return create("aten::zeros", [shape], optionsOf("zeros(shape, { dtype, device, requiresGrad })", options));
}

/** All ones. */
export function ones(shape: readonly number[], options: CreateOptions = {}): Tensor {
  requireShape("ones", shape);
  return create("aten::ones", [shape], optionsOf("ones(shape, { dtype, device, requiresGrad })", options));
}

/** All equal to `value`. */
export function full(shape: readonly number[], value: number, options: CreateOptions = {}): Tensor {
  requireShape("full", shape);
  return create(
    "aten::full",
    [shape, value],
    optionsOf("full(shape, value, { dtype, device, requiresGrad })", options),
  );
}

/** Uninitialized memory: write before reading. */
export function empty(shape: readonly number[], options: CreateOptions = {}): Tensor {
  requireShape("empty", shape);
  return create(
    "aten::empty.memory_format",
    [shape],
    optionsOf("empty(shape, { dtype, device, requiresGrad })", options),
  );
}

/** Standard normal numbers from the global generator (`manualSeed`). */
export function randn(shape: readonly number[], options: CreateOptions = {}): Tensor {
  requireShape("randn", shape);
  return create("aten::randn", [shape], optionsOf("randn(shape, { dtype, device, requiresGrad })", options));
}

/** Uniform numbers in [0, 1) from the global generator. */
export function rand(shape: readonly number[], options: CreateOptions = {}): Tensor {
  requireShape("rand", shape);
  return create("aten::rand", [shape], optionsOf("rand(shape, { dtype, device, requiresGrad })", options));
}

/** A random permutation of 0 … n−1 from the global generator. */
export function randperm(n: number, options: CreateOptions = {}): Tensor {
  const given = optionsOf("randperm(n, { dtype, device, requiresGrad })", options);
  return create("aten::randperm", [n], { dtype: "int64", ...given });
}

/** start, start + step, … below end (one argument: from 0). */
export function arange(start: number, end?: number, step = 1, options: CreateOptions = {}): Tensor {
  const given = optionsOf("arange(start, end, step, { dtype, device, requiresGrad })", options);
  const [from, to] = end === undefined ? [0, start] : [start, end];
  return create("aten::arange.start_step", [from, to, step], { dtype: "int64", ...given });
}

/** @throws TorchError with the form of the right call where sizes are given one by one */
function requireShape(caller: string, shape: unknown): void {
  if (Array.isArray(shape)) return;
  throw new TorchError(
    `${caller} takes its shape as an array, such as ${caller}([2, 3]), got ${describe(shape)}`,
  );
}

/** Leaves sizes that are none to the engine, which names them. */
function requireFit(count: number, shape: readonly number[]): void {
  const room = shape.reduce((product, size) => product * size, 1);
  if (room === count || !shape.every((size) => Number.isInteger(size) && size >= 0)) return;
  throw new TorchError(`tensor: the shape [${shape.join(", ")}] takes ${room} values, got ${count}`);
}

/** Calls an operator that goes on with dtype, layout and device. */
function create(name: string, args: Value[], options: CreateOptions): Tensor {
  const { dtype = "float32", device = "cpu" } = options;
  return finish(call(name, ...args, dtype, null, device), options);
}

function finish(tensor: Tensor, { requiresGrad }: CreateOptions): Tensor {
  if (requiresGrad) tensor.requiresGrad = true;
  return tensor;
}
