import type { DType } from "./dtype.ts";
import { describe, TorchError } from "./error.ts";

/** Row-major nested arrays of numbers (booleans, bigints), as deep as the tensor has dimensions. */
export type NestedArray = number | bigint | boolean | NestedArray[];

/** Typed arrays that a tensor can be made of, and is read as. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array;

const arrayTypes = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

type ReadableDType = keyof typeof arrayTypes;

function arrayTypeOf(dtype: DType): (typeof arrayTypes)[ReadableDType] {
  const type = arrayTypes[dtype as ReadableDType];
  if (type === undefined) {
    throw new TorchError(
      `JavaScript has no typed array for ${dtype}; use float32 and convert with cast(x, { dtype: "${dtype}" })`,
    );
  }
  return type;
}

/** The typed array of a dtype over given bytes. */
export function viewBytes(bytes: ArrayBuffer, dtype: DType): TypedArray {
  return new (arrayTypeOf(dtype))(bytes);
}

/** @throws TorchError unless the array's elements are of this dtype; bool takes a Uint8Array of 0 and 1 */
export function checkArrayType(array: TypedArray, dtype: DType): void {
  const type = arrayTypeOf(dtype);
  if (!(array instanceof type)) {
    throw new TorchError(`A tensor of ${dtype} takes a ${type.name}, got ${describe(array)}`);
  }
  // Every other dtype takes all that its array can hold.
  if (dtype === "bool") checkRange(array, dtype);
}

/** The dtype that a typed array's elements have by nature. */
export function dtypeOf(array: TypedArray): DType {
  for (const [dtype, type] of Object.entries(arrayTypes)) if (array instanceof type) return dtype as DType;
  const names = [...new Set(Object.values(arrayTypes))].map(({ name }) => name);
  throw new TorchError(`No dtype fits ${describe(array)}; use one of ${names.join(", ")}`);
}

/** The kinds of values that nested arrays are made of. */
const kinds = [
  { type: "number", dtype: "float32", plural: "numbers" },
  { type: "bigint", dtype: "int64", plural: "BigInts" },
  { type: "boolean", dtype: "bool", plural: "booleans" },
] as const;

/**
 * The dtype that the values of a nested array have by their kind: float32 for numbers and where there are none.
 * @throws TorchError for several kinds side by side, which have no dtype in common
 */
export function dtypeOfValues(data: NestedArray): DType {
  const types = new Set<string>();
  const visit = (level: NestedArray): unknown =>
    Array.isArray(level) ? level.forEach(visit) : types.add(typeof level);
  visit(data);
  const found = kinds.filter(({ type }) => types.has(type));
  if (found.length > 1)
    throw new TorchError(
      `tensor was given ${found.map(({ plural }) => plural).join(" and ")} side by side; say which dtype they are to have`,
    );
  return found[0]?.dtype ?? "float32";
}

/** Sizes of a nested array, read along its first elements. */
export function shapeOf(data: NestedArray): number[] {
  const shape: number[] = [];
  for (let level = data; Array.isArray(level); level = level[0] as NestedArray) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  return shape;
}

/** The integers that a dtype holds: from the first bound to below the second. */
const integerRanges: Partial<Record<DType, readonly [number, number]>> = {
  int64: [-(2 ** 63), 2 ** 63],
  int32: [-(2 ** 31), 2 ** 31],
  int16: [-(2 ** 15), 2 ** 15],
  int8: [-(2 ** 7), 2 ** 7],
  uint8: [0, 2 ** 8],
  bool: [0, 2],
};

/** @throws TorchError for the first value that an integer dtype (or bool) cannot hold; floating dtypes take all */
export function checkRange(values: Iterable<number | bigint>, dtype: DType): void {
  const range = integerRanges[dtype];
  if (range === undefined) return;
  const [from, to] = range;
  for (const value of values) {
    const whole = typeof value === "bigint" || Number.isInteger(value);
    if (!whole || value < from || value >= to) {
      throw new TorchError(
        `A tensor of ${dtype} cannot hold ${value}; it takes the integers from ${BigInt(from)} to ${BigInt(to) - 1n}`,
      );
    }
  }
}

/**
 * Flattens a nested array into the typed array of `dtype`.
 * @throws TorchError when its rows have different lengths, and for what is no number or not one of this dtype
 */
export function flatten(data: NestedArray, shape: readonly number[], dtype: DType): TypedArray {
  const values: (number | bigint)[] = [];
  const visit = (level: NestedArray, depth: number): void => {
    if (Array.isArray(level)) {
      if (level.length !== shape[depth])
        throw new TorchError(
          `The nested array is ragged: a row of ${level.length} where [${shape}] was expected`,
        );
      for (const item of level) visit(item, depth + 1);
      return;
    }
    const value = numberOf(level);
    if (depth !== shape.length)
      throw new TorchError(
        `The nested array is ragged: a value at depth ${depth} where [${shape}] was expected`,
      );
    values.push(value);
  };
  visit(data, 0);
  checkRange(values, dtype);
  const array = new (arrayTypeOf(dtype))(values.length);
  for (const [i, value] of values.entries()) {
    array[i] = array instanceof BigInt64Array ? BigInt(value) : Number(value);
  }
  return array;
}

function numberOf(value: unknown): number | bigint {
  if (typeof value === "boolean") return Number(value);
  if (typeof value === "number" || typeof value === "bigint") return value;
  throw new TorchError(`A tensor is made of numbers, BigInts or booleans, got ${describe(value)}`);
}

/** The inverse of `flatten`. */
export function nest(flat: NestedArray[], shape: readonly number[]): NestedArray {
  if (shape.length === 0) return flat[0] as NestedArray;
  const [size, ...rest] = shape as [number, ...number[]];
  const step = rest.reduce((product, inner) => product * inner, 1);
  return Array.from({ length: size }, (_, i) => nest(flat.slice(i * step, (i + 1) * step), rest));
}
