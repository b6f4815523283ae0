/**
 * A TensorFlow Lite file as plain data: what stands in it, before it is bytes.
 *
 * @module
 */
import type { Quantization, TensorData } from "@pea/graph";
import type { Builtin, ElementType } from "./schema.ts";

/** A tensor, known or computed. Images are [N, H, W, C]. */
export interface TfliteTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: ElementType;
  /** Of a tensor of numbers; its axis is one of `shape`. */
  readonly quantization?: Quantization;
  /** Elements of one that is known, row-major. */
  readonly data?: TensorData;
}

/** What an operator is set to, by the schema's names. */
export type OperatorOptions = Readonly<Record<string, number | boolean | readonly number[]>>;

/** One operator at work. */
export interface TfliteOperator {
  readonly builtin: Builtin;
  /** Places of tensors; −1 for one that is left out. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly options: OperatorOptions;
}

/** A network. */
export interface TfliteModel {
  readonly tensors: readonly TfliteTensor[];
  /** In the order in which they run. */
  readonly operators: readonly TfliteOperator[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly description: string;
  /** Texts to keep in the file, by name. */
  readonly metadata: Readonly<Record<string, string>>;
}
