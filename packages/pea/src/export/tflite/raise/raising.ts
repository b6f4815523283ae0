/**
 * Collects the nodes of a graph while a file's operators are read. Images have their channels last in the file, and second in
 * the graph.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { Attributes, Constant, FusedActivation, Quantization, QuantizedNode } from "@pea/graph";
import { type AxisOrder, channelsLast, inOrder, permutation, turned } from "../../axis-order.ts";
import type { TfliteModel, TfliteOperator, TfliteTensor } from "../model.ts";
import { fusedActivations } from "../schema.ts";

/** For each axis in the graph the axis in the file. */
export const channelsSecond = (rank: number): AxisOrder =>
  permutation(channelsLast(rank), [...Array(rank).keys()]);

/** Sizes, or others of each axis, as the graph has them. */
export const inGraph = (ofAxes: readonly number[]): number[] =>
  inOrder(ofAxes, channelsSecond(ofAxes.length));

export class Raising {
  readonly nodes: QuantizedNode[] = [];
  readonly constants = new Map<string, Constant>();
  readonly quantizations = new Map<string, Quantization>();

  constructor(readonly model: TfliteModel) {}

  tensor(place: number): TfliteTensor {
    const tensor = this.model.tensors[place];
    if (tensor === undefined) throw new PeaError(`there is no tensor ${place}`);
    return tensor;
  }

  /** The value that a tensor is: two tensors may have one name. */
  value(place: number): string {
    const { name, quantization } = this.tensor(place);
    const value = `${name} (${place})`;
    if (quantization === undefined) throw new PeaError(`${value} has no scale`);
    this.quantizations.set(value, quantization);
    return value;
  }
}

/** An operator of a file at work. */
export class FileSite {
  constructor(
    private readonly operator: TfliteOperator,
    readonly raising: Raising,
  ) {}

  /** The tensor that it reads, as it lies in the file. */
  input(index: number): TfliteTensor {
    return this.raising.tensor(this.operator.inputs[index] ?? -1);
  }

  get output(): TfliteTensor {
    return this.raising.tensor(this.operator.outputs[0] ?? -1);
  }

  /** The value that it reads, a constant with its axes in the graph's order, or in another. */
  value(index: number, order = channelsSecond(this.input(index).shape.length)): string {
    const { shape, data } = this.input(index);
    const value = this.raising.value(this.operator.inputs[index] ?? -1);
    if (data !== undefined)
      this.raising.constants.set(value, { shape: inOrder(shape, order), data: turned(data, shape, order) });
    return value;
  }

  /** All values that it reads. */
  get values(): string[] {
    return this.operator.inputs.map((_, index) => this.value(index));
  }

  quantization(index: number): Quantization {
    return this.input(index).quantization ?? this.refuse(`its input ${index} has no scale`);
  }

  /** What it is set to by a tensor of int32. */
  setting(index: number): number[] {
    const { data = this.refuse(`its input ${index} is computed`) } = this.input(index);
    return Array.from(data as Int32Array);
  }

  option(name: string): number {
    return Number(this.operator.options[name] ?? this.refuse(`${name} is missing`));
  }

  get fused(): FusedActivation | undefined {
    const code = this.option("fused_activation_function");
    const names = Object.keys(fusedActivations) as (keyof typeof fusedActivations)[];
    const name = names.find((each) => fusedActivations[each] === code);
    if (name === undefined) this.refuse(`it has an activation of code ${code}`);
    return name === "none" ? undefined : name;
  }

  /** Adds the node that computes the output. */
  emit(
    operator: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    { fused }: { fused?: FusedActivation | undefined } = {},
  ): void {
    this.addNode(operator, inputs, this.raising.value(this.operator.outputs[0] ?? -1), attributes, fused);
  }

  /** Adds one before it that moves the elements of its first input; the value that it computes. */
  moved(operator: string, input: string, attributes: Attributes): string {
    const { quantizations, nodes } = this.raising;
    const name = `${this.output.name} (${nodes.length} moved)`;
    quantizations.set(name, quantizations.get(input) as Quantization);
    this.addNode(operator, [input], name, attributes);
    return name;
  }

  refuse(reason: string): never {
    throw new PeaError(`${this.operator.builtin} for ${this.output.name}: ${reason}`);
  }

  private addNode(
    operator: string,
    inputs: readonly string[],
    output: string,
    attributes: Attributes,
    fused?: FusedActivation,
  ): void {
    const path = this.output.name;
    this.raising.nodes.push({
      operator,
      inputs,
      outputs: [output],
      attributes,
      path,
      ...(fused && { fused }),
    });
  }
}

/** Reads one operator. */
export type Raise = (site: FileSite) => void;
