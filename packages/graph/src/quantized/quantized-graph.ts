/**
 * A network that computes in integers, as plain data: the middle between calibration and the files that chips take.
 *
 * @module
 */
import type { Graph, GraphNode } from "../graph.ts";

/** What integers are kept as. */
export type IntegerType = "int8" | "uint8" | "int16" | "int32" | "int64";

/** How integers stand for numbers: number = scale · (integer − zero point). */
export interface Quantization {
  readonly type: IntegerType;
  /** One, or one for each place along `axis`; above 0. */
  readonly scales: Float32Array;
  /** As many as scales. */
  readonly zeroPoints: Int32Array;
  /** The axis that scales differ along: a weight's outputs. */
  readonly axis?: number;
}

/** An activation that an operator computes before its result is rounded to integers. */
export type FusedActivation = "relu" | "relu6";

/** What each of them clamps numbers to. */
export const fusedBounds = {
  relu: { min: 0 },
  relu6: { min: 0, max: 6 },
} as const satisfies Readonly<Record<FusedActivation, { min: number; max?: number }>>;

/** An operator that reads integers and computes integers. */
export interface QuantizedNode extends GraphNode {
  readonly fused?: FusedActivation;
}

/**
 * A graph of which every value has a quantization, and every constant holds the integers. Its operators are the
 * vocabulary's, with layouts of ONNX's ([N, C, H, W]), without batch norms, and with activations fused where their operator
 * can. A bias is int32 (int64 with activations of int16) with the scale of its input times that of its weight.
 */
export interface QuantizedGraph extends Graph {
  readonly nodes: readonly QuantizedNode[];
  readonly quantizations: ReadonlyMap<string, Quantization>;
}

/** Integers, row-major. */
export type Integers = Int8Array | Uint8Array | Int16Array | Int32Array | BigInt64Array;

/** Memory for so many integers of a type. */
export function integersOf(type: IntegerType, length: number): Integers {
  return new arrays[type](length);
}

const arrays = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
} as const;

/** The least and the greatest integer of a type, both exact as numbers; int64 is bounded by what numbers hold. */
export function boundsOf(type: IntegerType): readonly [least: number, greatest: number] {
  return bounds[type];
}

const bounds: Readonly<Record<IntegerType, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};
