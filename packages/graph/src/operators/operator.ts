/**
 * What is known of an operator of the vocabulary.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { at, type GraphNode, type Shape, type Size } from "../graph.ts";

/** What an attribute holds; JavaScript alone does not tell 1 from 1.0. */
export type AttributeKind = "int" | "ints" | "float" | "floats" | "string";

/**
 * What an operator does to numbers.
 * - `linear`: sums of its inputs, each times something that is known
 * - `arrange`: the same numbers in another place
 * - `select`: the largest of several
 * - `multiply`: products; linear only where all factors but one are known
 * - `normalize`: divided by their own spread
 * - `activation`: a bend
 */
export type Role = "linear" | "arrange" | "select" | "multiply" | "normalize" | "activation";

/** One operator. */
export interface Operator {
  readonly role: Role;
  /** The attributes that it may have. */
  readonly attributes: Readonly<Record<string, AttributeKind>>;
  /** Shapes of its outputs. */
  shapes(node: NodeReader): Shape[];
  /** Multiply-accumulates for one sample, padded taps counted; left out where there are none. */
  macs?(node: NodeReader): number;
}

/** A node together with the shapes of what it reads. */
export class NodeReader {
  constructor(
    readonly node: GraphNode,
    private readonly shapes: ReadonlyMap<string, Shape>,
  ) {}

  /** Shape of an input. */
  input(index: number): Shape {
    const name = this.node.inputs[index];
    const shape = name === undefined ? undefined : this.shapes.get(name);
    return shape ?? this.refuse(`its input ${index} is missing`);
  }

  /** Shapes of all inputs. */
  get inputs(): Shape[] {
    return this.node.inputs.map((_, index) => this.input(index));
  }

  /** Shape of an output, once it is known. */
  get output(): Shape {
    return this.shapes.get(this.node.outputs[0] as string) ?? this.refuse("its shape is not inferred");
  }

  /** Size of an axis that is not the batch. */
  size(index: number, axis: number): number {
    return this.fixed(this.input(index)[axis]);
  }

  fixed(size: Size | undefined): number {
    return typeof size === "number" ? size : this.refuse("it needs a size that is known where the batch is");
  }

  int(name: string, absent?: number): number {
    const value = this.node.attributes[name] ?? absent;
    return typeof value === "number" ? value : this.refuse(`${name} is missing`);
  }

  ints(name: string, absent?: readonly number[]): readonly number[] {
    const value = this.node.attributes[name] ?? absent;
    return Array.isArray(value) ? value : this.refuse(`${name} is missing`);
  }

  text(name: string, absent?: string): string {
    const value = this.node.attributes[name] ?? absent;
    return typeof value === "string" ? value : this.refuse(`${name} is missing`);
  }

  /** An axis, counted from the front. */
  axis(axis: number, rank = this.input(0).length): number {
    const place = axis < 0 ? axis + rank : axis;
    return place >= 0 && place < rank
      ? place
      : this.refuse(`there is no axis ${axis} in a tensor of ${rank} axes`);
  }

  axes(name: string, absent?: readonly number[], rank?: number): number[] {
    return this.ints(name, absent).map((axis) => this.axis(axis, rank));
  }

  refuse(reason: string): never {
    throw new PeaError(`${this.node.operator}${at(this.node.path)}: ${reason}`);
  }
}
