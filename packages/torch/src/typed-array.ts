import { TorchError } from "./error.ts";
import type { DType } from "./tensor.ts";

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

/** The dtype that a typed array's elements have by nature. */
export function dtypeOf(array: TypedArray): DType {
  for (const [dtype, type] of Object.entries(arrayTypes)) if (array instanceof type) return dtype as DType;
  throw new TorchError(
    `No dtype fits a ${(array as object)?.constructor?.name}; use Float32Array, Float64Array, BigInt64Array, Int32Array or Uint8Array`,
  );
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

/**
 * Flattens a nested array into the typed array of `dtype`.
 * @throws TorchError when its rows have different lengths
 */
export function flatten(data: NestedArray, shape: readonly number[], dtype: DType): TypedArray {
  const length = shape.reduce((product, size) => product * size, 1);
  const array = new (arrayTypeOf(dtype))(length);
  let index = 0;
  const visit = (level: NestedArray, depth: number): void => {
    if (Array.isArray(level)) {
      if (level.length !== shape[depth])
        throw new TorchError(
          `The nested array is ragged: a row of ${level.length} where [${shape}] was expected`,
        );
      for (const item of level) visit(item, depth + 1);
      return;
    }
    if (depth !== shape.length)
      throw new TorchError(
        `The nested array is ragged: a value at depth ${depth} where [${shape}] was expected`,
      );
    array[index++] = array instanceof BigInt64Array ? BigInt(level) : Number(level);
  };
  visit(data, 0);
  return array;
}

/** The inverse of `flatten`. */
export function nest(flat: NestedArray[], shape: readonly number[]): NestedArray {
  if (shape.length === 0) return flat[0] as NestedArray;
  const [size, ...rest] = shape as [number, ...number[]];
  const step = rest.reduce((product, inner) => product * inner, 1);
  return Array.from({ length: size }, (_, i) => nest(flat.slice(i * step, (i + 1) * step), rest));
}
