/**
 * Collects the tensors and operators of a file while a graph's nodes are written, and keeps book of the order in which the
 * axes of each value lie.
 *
 * @module
 */
import type { Quantization, QuantizedGraph, QuantizedSite } from "@pea/graph";
import { type AxisOrder, channelsLast, inOrder, isSameOrder, permutation, turned } from "../../axis-order.ts";
import type { OperatorOptions, TfliteOperator, TfliteTensor } from "../model.ts";
import type { Builtin } from "../schema.ts";

/** A value in the file. */
interface Placed {
  readonly tensor: number;
  readonly order: AxisOrder;
}

export class Lowering {
  readonly tensors: TfliteTensor[] = [];
  readonly operators: TfliteOperator[] = [];
  /** Of a flattened image that only matrices read: where in the file the graph's feature i lies. */
  readonly features = new Map<string, Int32Array>();
  private readonly placed = new Map<string, Placed>();
  private readonly names = new Set<string>();

  constructor(
    readonly graph: QuantizedGraph,
    private readonly shapes: ReadonlyMap<string, readonly number[]>,
  ) {}

  /** Sizes of a value in the graph. */
  sizes(name: string): readonly number[] {
    return this.shapes.get(name) ?? [];
  }

  /** The order in which a computed value lies; the usual one of a constant. */
  orderOf(name: string): AxisOrder {
    return this.placed.get(name)?.order ?? channelsLast(this.sizes(name).length);
  }

  /** The place of a value's tensor with its axes in this order: it is turned where it lies otherwise. */
  read(name: string, order: AxisOrder = channelsLast(this.sizes(name).length)): number {
    const constant = this.graph.constants.get(name);
    const quantization = this.quantization(name);
    if (constant !== undefined) {
      const data = turned(constant.data, constant.shape, order);
      return this.add({
        name,
        shape: inOrder(constant.shape, order),
        type: quantization.type,
        quantization,
        data,
      });
    }
    const { tensor, order: own } = this.placed.get(name) as Placed;
    const sizes = this.sizes(name);
    const shape = inOrder(sizes, order);
    if (String(own) === String(order)) return tensor;
    if (isSameOrder(sizes, own, order)) return this.reshape(tensor, shape);
    return this.transpose(tensor, permutation(own, order));
  }

  /** Makes the tensor of a value that is computed. */
  write(name: string, order: AxisOrder = channelsLast(this.sizes(name).length)): number {
    const shape = inOrder(this.sizes(name), order);
    const quantization = this.quantization(name);
    const tensor = this.add({ name, shape, type: quantization.type, quantization });
    this.place(name, tensor, order);
    return tensor;
  }

  /** Says that a value is a tensor that exists already. */
  place(name: string, tensor: number, order: AxisOrder): void {
    this.placed.set(name, { tensor, order });
  }

  /** Adds a tensor. A name that is taken gets a number, since OpenVINO finds tensors by name. */
  add(tensor: TfliteTensor): number {
    let name = tensor.name;
    for (let i = 2; this.names.has(name); i++) name = `${tensor.name}/${i}`;
    this.names.add(name);
    return this.tensors.push({ ...tensor, name }) - 1;
  }

  /** A tensor of int32 that sets an operator. */
  setting(name: string, values: readonly number[], shape: readonly number[] = [values.length]): number {
    return this.add({ name, shape, type: "int32", data: Int32Array.from(values) });
  }

  emit(
    builtin: Builtin,
    inputs: readonly number[],
    outputs: readonly number[],
    options: OperatorOptions = {},
  ): void {
    this.operators.push({ builtin, inputs, outputs, options });
  }

  /** A tensor in between, like another but for its shape. */
  between(like: number, shape: readonly number[], what: string): number {
    const { name, type, quantization } = this.tensors[like] as TfliteTensor;
    return this.add({ name: `${name}/${what}`, shape, type, ...(quantization && { quantization }) });
  }

  /** The same elements in another shape. */
  reshape(tensor: number, shape: readonly number[], to = this.between(tensor, shape, "reshaped")): number {
    this.emit("RESHAPE", [tensor, this.setting("shape", shape)], [to], { new_shape: shape });
    return to;
  }

  /** Axis i of the result is axis perm[i]. */
  transpose(tensor: number, perm: readonly number[], to?: number): number {
    const shape = inOrder((this.tensors[tensor] as TfliteTensor).shape, perm);
    const result = to ?? this.between(tensor, shape, "transposed");
    this.emit("TRANSPOSE", [tensor, this.setting("perm", perm)], [result]);
    return result;
  }

  quantization(name: string): Quantization {
    return this.graph.quantizations.get(name) as Quantization;
  }
}

/** Writes one node. */
export type Lower = (site: QuantizedSite, lowering: Lowering) => void;
