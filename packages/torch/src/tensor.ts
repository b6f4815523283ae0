import { type Handle, native } from "./binding.ts";
import type { DType, MemoryFormat } from "./dtype.ts";
import { describe, TorchError } from "./error.ts";
import { track } from "./scope.ts";
import { checkArrayType, type NestedArray, nest, type TypedArray, viewBytes } from "./typed-array.ts";

declare global {
  /** As the library of newer JavaScript declares it: `using` needs that one, all else does without. */
  interface SymbolConstructor {
    readonly dispose: unique symbol;
  }
}

const constructorKey = Symbol("tensor");

/** How often tensors that are there may have become others: what is known of them from before is asked for again. */
let replacements = 0;

/** Called where an operator has given a tensor another's data, dtype and device; for this package alone. */
export function forgetOutlines(): void {
  replacements++;
}

/** How a tensor's value is computed, once somebody needs it (`deferred`). */
export interface Deferral {
  /** A tensor of the value's shape, strides, dtype and device; whether it requires a gradient is whether the value does. */
  readonly like: Tensor;
  /** The value, in a tensor that nobody else has. */
  compute(): Tensor;
  /** Called when the value has been computed, or when the tensor is freed without. */
  release(): void;
}

/**
 * An n-dimensional array in native memory. Operators are functions (`add(a, b)`, `reshape(x, [2, 3])`); a tensor
 * itself knows its shape, its gradient and its lifetime. Free it with `dispose()`, `using`, or a `scope`; the garbage
 * collector is the safety net. Any use after that is a TorchError.
 */
export class Tensor {
  /** Set by `keep`: no scope frees this tensor. */
  kept = false;
  #handle: Handle | undefined;
  #deferral: Deferral | undefined;
  // What the addon has told, for as long as it holds.
  #replacements = replacements;
  #shape: readonly number[] | undefined;
  #dtype: DType | undefined;
  #device: string | undefined;

  /** Tensors come from operators and from `tensor`, `zeros`, … */
  constructor(value: { handle: Handle } | { deferral: Deferral }, key: typeof constructorKey) {
    if (key !== constructorKey)
      throw new TorchError("Tensors are made by tensor(), zeros(), … or by operators, not by new");
    if ("handle" in value) this.#handle = value.handle;
    else this.#deferral = value.deferral;
    track(this);
  }

  /** The native tensor behind `value`; for this package alone. */
  static handleOf(value: Tensor, what = "the tensor"): Handle {
    if (!(value instanceof Tensor)) {
      throw new TorchError(
        `${what} is not a Tensor of this copy of @pea/torch (tensors do not cross worker threads): ${describe(value)}`,
      );
    }
    value.#compute();
    if (value.#handle === undefined) throw new TorchError(`${what} was disposed of before this use`);
    return value.#handle;
  }

  /** What the value of `tensor` will be computed by, as long as nobody has needed it. */
  static deferralOf(tensor: Tensor): Deferral | undefined {
    return tensor.#deferral;
  }

  #compute(): void {
    const deferral = this.#deferral;
    if (deferral === undefined) return;
    const value = deferral.compute();
    this.#deferral = undefined;
    this.#handle = value.#handle;
    value.#handle = undefined;
    deferral.release();
  }

  #live(): Handle {
    return Tensor.handleOf(this);
  }

  /** What tells of this tensor all but its elements. */
  #outline(): Handle {
    if (this.#replacements !== replacements) {
      this.#replacements = replacements;
      this.#shape = this.#dtype = this.#device = undefined;
    }
    return Tensor.handleOf(this.#deferral === undefined ? this : this.#deferral.like);
  }

  /** Sizes of the dimensions; `[]` for a scalar. */
  get shape(): readonly number[] {
    const handle = this.#outline();
    this.#shape ??= Object.freeze(native.shape(handle));
    return this.#shape;
  }

  /** Steps between neighbours of each dimension, in elements. */
  get strides(): readonly number[] {
    return native.strides(this.#outline());
  }

  get dtype(): DType {
    const handle = this.#outline();
    this.#dtype ??= native.dtype(handle) as DType;
    return this.#dtype;
  }

  /** `"cpu"`, `"cuda:0"`, … */
  get device(): string {
    const handle = this.#outline();
    this.#device ??= native.device(handle);
    return this.#device;
  }

  /** Number of dimensions. */
  get ndim(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get numel(): number {
    return this.shape.reduce((product, size) => product * size, 1);
  }

  /** Whether backward() computes a gradient for this tensor. Only leaves of floating dtype can be set. */
  get requiresGrad(): boolean {
    return native.requiresGrad(this.#outline());
  }

  set requiresGrad(value: boolean) {
    rethrow("requiresGrad", () => native.setRequiresGrad(this.#live(), value));
  }

  /** The gradient that backward() accumulated, or null. A new view object at each read. */
  get grad(): Tensor | null {
    return wrapOrNull(native.gradient(this.#live()));
  }

  set grad(gradient: Tensor | null) {
    const handle = gradient === null ? null : Tensor.handleOf(gradient, "the gradient");
    rethrow("grad", () => native.setGradient(this.#live(), handle));
  }

  /** True for tensors that no recorded operator made. */
  get isLeaf(): boolean {
    return native.isLeaf(this.#live());
  }

  get disposed(): boolean {
    return this.#handle === undefined && this.#deferral === undefined;
  }

  /** Whether the elements lie densely in the order of the memory format. */
  isContiguous(memoryFormat: MemoryFormat = "contiguous"): boolean {
    return rethrow("isContiguous", () => native.isContiguous(this.#outline(), memoryFormat));
  }

  /** Frees the native memory now. A second call does nothing. */
  dispose(): void {
    this.#deferral?.release();
    this.#deferral = undefined;
    if (this.#handle === undefined) return;
    native.dispose(this.#handle);
    this.#handle = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /**
   * The value of a tensor of one element; true is 1.
   * @throws TorchError for any other number of elements, and for an int64 beyond 2^53, which a number may not hold
   */
  item(): number {
    const value = rethrow("item", () => native.item(this.#live()));
    if (typeof value === "bigint") {
      throw new TorchError(
        `item: ${value} is too large for a number; toNestedArray() and toTypedArray() give it as a BigInt`,
      );
    }
    return Number(value);
  }

  /** A row-major copy: Float32Array (also for float16 and bfloat16), Float64Array, BigInt64Array, Uint8Array, … */
  toTypedArray(): TypedArray {
    const { dtype } = this;
    const readable = dtype === "bfloat16" || dtype === "float16" ? "float32" : dtype;
    return viewBytes(
      rethrow("toTypedArray", () => native.toBytes(this.#live(), readable)),
      readable,
    );
  }

  /** A row-major copy of the raw little-endian bytes. */
  toBytes(): ArrayBuffer {
    return rethrow("toBytes", () => native.toBytes(this.#live(), this.dtype));
  }

  /** A row-major copy as nested arrays of numbers (int64 beyond 2^53: BigInt; bool: booleans). */
  toNestedArray(): NestedArray {
    const values = Array.from(this.toTypedArray() as ArrayLike<number | bigint>, (value) =>
      typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value,
    );
    const flat: NestedArray[] = this.dtype === "bool" ? values.map(Boolean) : values;
    return nest(flat, this.shape);
  }

  /**
   * Overwrites this tensor's elements, row-major, from a typed array of its dtype and size; bool takes a Uint8Array
   * of 0 and 1.
   * @throws TorchError for any other array, and for float16 and bfloat16, which JavaScript has no arrays for
   */
  copyFrom(array: TypedArray): void {
    checkArrayType(array, this.dtype);
    rethrow("copyFrom", () => native.copyBytes(this.#live(), array));
  }

  /** Whether both objects stand for one native tensor (an in-place operator's result and its input do). */
  isSame(other: Tensor): boolean {
    return native.same(this.#live(), Tensor.handleOf(other));
  }

  toString(): string {
    return this.disposed ? "Tensor(disposed)" : `${this.dtype}[${this.shape.join(", ")}]`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `Tensor(${this.toString()})`;
  }
}

/** Wraps a handle that the addon returned; for this package alone. */
export function wrap(handle: Handle): Tensor {
  return new Tensor({ handle }, constructorKey);
}

/**
 * A tensor whose value is computed when an operator, or anyone, first needs it. Who can do with less looks for its
 * `deferralOf` first; shape, strides, dtype and device are known without.
 */
export function deferred(deferral: Deferral): Tensor {
  return new Tensor({ deferral }, constructorKey);
}

/** What the value of a `deferred` tensor will be computed by; undefined for all others, and once it has been. */
export function deferralOf(tensor: Tensor): Deferral | undefined {
  return Tensor.deferralOf(tensor);
}

/** The gradient of each tensor, or null: one call of what `grad` is for one. */
export function gradientsOf(tensors: readonly Tensor[]): (Tensor | null)[] {
  return native.gradients(tensors.map((tensor) => Tensor.handleOf(tensor))).map(wrapOrNull);
}

/** Drops the gradients of tensors. */
export function clearGradients(tensors: readonly Tensor[]): void {
  native.clearGradients(tensors.map((tensor) => Tensor.handleOf(tensor)));
}

/**
 * x ← x + 1, of an int64 of one element in memory without an operator, of others by libtorch's: whoever listens to those has no
 * use for counts. Not recorded for backward().
 */
export function countUp(x: Tensor): void {
  native.countUp(Tensor.handleOf(x));
}

export function wrapOrNull(handle: Handle | null): Tensor | null {
  return handle === null ? null : wrap(handle);
}

/** Runs a native function; its errors become TorchErrors that say what was being done. */
export function rethrow<T>(what: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof TorchError) throw error;
    throw new TorchError(`${what}: ${(error as Error).message}`);
  }
}
