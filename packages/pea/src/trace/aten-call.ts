/**
 * One call of a libtorch operator, on its way into the graph: its arguments by name, and what is made of it.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import {
  type Attributes,
  at,
  type Constant,
  elementsOf,
  type GraphNode,
  type OpenSize,
  type Shape,
  sizeFor,
} from "@pea/graph";
import { type Call, Tensor } from "@pea/torch";
import { signatureOf } from "./signature.ts";
import { traceBatch } from "./trace-batch.ts";

/** What the graph so far knows of values. */
export interface KnownValues {
  /** The name of a tensor's value. */
  nameOf(tensor: Tensor): string | undefined;
  shapeOf(name: string): Shape;
  /** A name that no other value has. */
  uniqueName(wanted: string): string;
  /** Adds a node and infers what shapes it computes. */
  add(node: GraphNode): void;
  define(name: string, constant: Constant): void;
}

/** A call being converted. */
export class AtenCall {
  readonly #arguments: ReadonlyMap<string, unknown>;
  readonly #lengths: ReadonlyMap<string, number>;

  constructor(
    private readonly call: Call,
    readonly path: string,
    private readonly values: KnownValues,
  ) {
    const signature = signatureOf(call.name);
    this.#arguments = new Map(
      signature.map(({ name, absent }, place) => [name, call.args[place] ?? absent] as const),
    );
    this.#lengths = new Map(signature.flatMap(({ name, length }) => (length ? [[name, length]] : [])));
  }

  /** The operator without its overload, e.g. `aten::add`. */
  get operator(): string {
    return withoutOverload(this.call.name);
  }

  /** Whether a recorded size is what the trace's batch makes of one that is left open. */
  isRecordedFor(open: OpenSize, recorded: number | undefined): boolean {
    return recorded === sizeFor(open, traceBatch);
  }

  /** Shapes of the results as they were recorded, with a batch of the trace's size. */
  get recorded(): (readonly number[])[] {
    return [this.call.result].flat().map((result) => (result as Tensor).shape);
  }

  /** The value of a tensor. */
  tensor(name: string): string {
    return this.#named(this.#arguments.get(name), name);
  }

  /** The value of a tensor, "" where it is left out. */
  optionalTensor(name: string): string {
    return this.#arguments.get(name) == null ? "" : this.tensor(name);
  }

  tensors(name: string): string[] {
    const list = this.#arguments.get(name);
    return Array.isArray(list) ? list.map((item) => this.#named(item, name)) : [this.tensor(name)];
  }

  isTensor(name: string): boolean {
    return this.#arguments.get(name) instanceof Tensor;
  }

  isGiven(name: string): boolean {
    return this.#arguments.get(name) != null;
  }

  shape(value: string): Shape {
    return this.values.shapeOf(value);
  }

  number(name: string): number {
    const value = this.#arguments.get(name);
    return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean"
      ? Number(value)
      : this.refuse(`${name} is not a number: ${value}`);
  }

  /** A list of numbers, as long as the signature wants it. */
  numbers(name: string): number[] {
    const value = this.#arguments.get(name);
    const list = [value].flat().map(Number);
    if (value == null || list.some(Number.isNaN)) this.refuse(`${name} is not a list of numbers: ${value}`);
    const length = this.#lengths.get(name) ?? list.length;
    return list.length === 1 ? new Array<number>(length).fill(list[0] as number) : list;
  }

  flag(name: string): boolean {
    return Boolean(this.#arguments.get(name));
  }

  text(name: string): string {
    return String(this.#arguments.get(name));
  }

  /** An axis of a value, counted from the front. */
  axis(name: string, value: string): number {
    return this.axisOf(this.number(name), value);
  }

  axisOf(axis: number, value: string): number {
    return axis < 0 ? axis + this.shape(value).length : axis;
  }

  /** Adds a node and names what it computes. */
  node(operator: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.nodeOf(1, operator, inputs, attributes)[0] as string;
  }

  /** Adds a node with several outputs. */
  nodeOf(count: number, operator: string, inputs: readonly string[], attributes: Attributes): string[] {
    const wanted = this.path || this.operator.replace(/^.*::/, "");
    const outputs = Array.from({ length: count }, () => this.values.uniqueName(wanted));
    this.values.add({ operator, inputs: withoutTrailing(inputs), outputs, attributes, path: this.path });
    return outputs;
  }

  /** A single number as a value. */
  constant(value: number): string {
    return this.constants([], [value]);
  }

  /** Numbers as a value, row-major. */
  constants(shape: readonly number[], numbers: readonly number[]): string {
    const name = this.values.uniqueName(`${this.path || this.operator.replace(/^.*::/, "")}/number`);
    this.values.define(name, { shape, data: Float32Array.from(numbers) });
    return name;
  }

  /** One number as often as a shape has elements. */
  filled(shape: readonly number[], value: number): string {
    return this.constants(shape, new Array<number>(elementsOf(shape)).fill(value));
  }

  refuse(reason: string): never {
    throw new PeaError(`${this.operator}${at(this.path)} cannot be written in ONNX: ${reason}.`);
  }

  #named(value: unknown, argument: string): string {
    if (!(value instanceof Tensor)) this.refuse(`${argument} is not a tensor`);
    const name = this.values.nameOf(value);
    if (name !== undefined) return name;
    throw new PeaError(
      `${this.operator}${at(this.path)} reads a tensor which is neither a parameter, a buffer nor the result of a recorded ` +
        "operator; register it in its module with this.buffer(name, tensor).",
    );
  }
}

/** `aten::add.Tensor` as `aten::add`. */
export function withoutOverload(name: string): string {
  return name.replace(/\..*$/, "");
}

function withoutTrailing(inputs: readonly string[]): string[] {
  return inputs.slice(0, inputs.findLastIndex((name) => name !== "") + 1);
}
