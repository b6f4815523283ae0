/** One node of a file on its way into the graph: its inputs and attributes, wherever an opset has them. */
import { PeaError } from "@pea/core";
import { type Attributes, elementsOf, formatShape, type Shape } from "@pea/graph";
import { inputForms } from "../../onnx-file/input-forms.ts";
import type { AttributeProto, NodeProto } from "../../onnx-file/model.ts";
import type { GraphMaker, Probe } from "./graph-maker.ts";
import { type KnownTensor, knownTensorOf } from "./known-tensor.ts";
import type { Length } from "./length.ts";

/** Axes that a shape may have: a longer list is no shape. */
const mostAxes = 16;

export class FileNode {
  readonly #attributes: ReadonlyMap<string, AttributeProto>;

  /**
   * @param path of the module that it comes from
   * @param opset of the file, for what cannot be told otherwise
   */
  constructor(
    private readonly proto: NodeProto,
    readonly path: string,
    readonly opset: number,
    private readonly maker: GraphMaker,
  ) {
    this.#attributes = new Map(proto.attribute.map((each) => [each.name ?? "", each]));
  }

  /** The number of images that the file was made for; undefined where it is left open. */
  get fixedBatch(): number | undefined {
    return this.maker.fixedBatch;
  }

  get operator(): string {
    return this.proto.opType ?? "";
  }

  /** Names of its results in the file. */
  get outputs(): readonly string[] {
    return this.proto.output;
  }

  /** Number of inputs, those left out in between counted. */
  get inputCount(): number {
    return this.proto.input.length;
  }

  /** Whether an input is given. */
  has(place: number): boolean {
    return (this.proto.input[place] ?? "") !== "";
  }

  /** The graph's value for an input. */
  input(place: number): string {
    return this.maker.value(this.#name(place));
  }

  /** The graph's value for an input, "" where it is left out. */
  optionalInput(place: number): string {
    return this.has(place) ? this.input(place) : "";
  }

  get inputs(): string[] {
    return this.proto.input.map((_, place) => this.input(place));
  }

  shape(place: number): Shape {
    return this.maker.shape(this.#name(place));
  }

  /** Shape of a value of the graph. */
  shapeOf(value: string): Shape {
    return this.maker.shape(value);
  }

  /** The numbers of an input; undefined where it is left out or computed by the network. */
  known(place: number): KnownTensor | undefined {
    const known = this.knownPlaces(place);
    return known?.perImage === undefined
      ? known
      : this.refuse("it reads a number for each image of the batch, which is not followed");
  }

  /** The same, which may be places of images, too. */
  knownPlaces(place: number): KnownTensor | undefined {
    return this.has(place) ? this.maker.known(this.#name(place)) : undefined;
  }

  /** All inputs that are given, where all of them are known. */
  get allKnown(): readonly KnownTensor[] | undefined {
    const given = this.proto.input.flatMap((name, place) => (name === "" ? [] : [place]));
    const known = given.flatMap((place) => this.knownPlaces(place) ?? []);
    return known.length === given.length && given.length > 0 ? known : undefined;
  }

  /** What an input is made of an image's planes, where nothing has read it yet. */
  probe(place: number): Probe | undefined {
    return this.has(place) ? this.maker.probe(this.#name(place)) : undefined;
  }

  /** The tensors in a row that an input stands for. */
  parts(place: number): readonly string[] {
    return (
      this.maker.parts(this.#name(place)) ?? this.refuse("it reads a row of tensors where there is none")
    );
  }

  /**
   * Integers that an opset has as an attribute or as an input of known values; undefined where they are left out.
   *
   * @throws PeaError where the network computes them
   */
  lengths(name: string): readonly Length[] | undefined {
    const attribute = this.#attributes.get(name);
    if (attribute !== undefined)
      return attribute.ints.length > 0 || attribute.i === undefined ? attribute.ints : [attribute.i];
    const form = inputForms(this.operator, Infinity).find((each) => each.attribute === name);
    if (form === undefined || !this.has(form.place)) return undefined;
    const known = this.known(form.place);
    if (known === undefined)
      this.refuse(`its ${name} is computed from the image: give the image a fixed size at the export`);
    const { values } = known as KnownTensor;
    if (name === "shape" && values.length > mostAxes) this.refuse(`its shape is of ${values.length} axes`);
    return [...values];
  }

  /** The same where they must not hang on the batch. */
  integers(name: string): number[] | undefined {
    return this.lengths(name)?.map((length) => this.#fixed(length, name));
  }

  /** A number that is an attribute or an input of one known element. */
  number(name: string): number | undefined {
    const attribute = this.#attributes.get(name);
    if (attribute !== undefined) return attribute.f ?? attribute.i;
    const [first] = this.lengths(name) ?? [];
    return first === undefined ? undefined : this.#fixed(first, name);
  }

  floats(name: string): number[] | undefined {
    const attribute = this.#attributes.get(name);
    return attribute === undefined ? this.integers(name) : [...attribute.floats];
  }

  text(name: string): string | undefined {
    const value = this.#attributes.get(name)?.s;
    return value === undefined ? undefined : new TextDecoder().decode(value);
  }

  /** A tensor that is an attribute. */
  tensor(name: string): KnownTensor | undefined {
    const value = this.#attributes.get(name)?.t;
    return value === undefined ? undefined : knownTensorOf(value);
  }

  get attributeNames(): string[] {
    return [...this.#attributes.keys()];
  }

  /** An axis of an input, counted from the front. */
  axis(axis: number, rank = this.shape(0).length): number {
    const place = axis < 0 ? axis + rank : axis;
    return Number.isInteger(axis) && place >= 0 && place < rank
      ? place
      : this.refuse(`there is no axis ${axis} in a tensor of ${rank} axes`);
  }

  /** Adds the node whose results are those of this one. */
  result(operator: string, inputs: readonly string[], attributes: Attributes = {}): void {
    this.#add(operator, inputs, attributes, this.outputs);
  }

  /** Adds a node before that one; the name of what it computes. */
  step(operator: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const output = this.maker.uniqueName(`${this.outputs[0]}/${operator}`);
    this.#add(operator, inputs, attributes, [output]);
    return output;
  }

  /** Gives the result the meaning of a value of the graph or of a name in the file. */
  same(name: string, place = 0): void {
    if (this.outputs[place]) this.maker.same(this.outputs[place], name);
  }

  /** The name in the file of an input. */
  nameOf(place: number): string {
    return this.#name(place);
  }

  /** Adds a split of a value; the parts. */
  split(axis: number, split: readonly number[], value = this.input(0)): string[] {
    const parts = split.map((_, i) => this.uniqueName(`part${i}`));
    this.#add("Split", [value], { axis, split }, parts);
    return parts;
  }

  /** Gives a result known values. */
  define(known: KnownTensor, place = 0): void {
    if (this.outputs[place]) this.maker.define(this.outputs[place], known);
  }

  /** Has the result computed only where something reads it. */
  defineProbe(probe: Probe, compute: () => void): void {
    this.maker.defineProbe(this.outputs[0] as string, probe, compute);
  }

  /** Leaves a result out, in the hope that nothing reads it. */
  leaveOut(place: number, reason: string): void {
    if (this.outputs[place]) this.maker.lack(this.outputs[place], this.messageOf(reason));
  }

  /** Gives the result the meaning of several values in a row. */
  defineParts(parts: readonly string[]): void {
    this.maker.defineParts(this.outputs[0] as string, parts);
  }

  /** A name for a value that the file has none for. */
  uniqueName(part: string): string {
    return this.maker.uniqueName(`${this.outputs[0]}/${part}`);
  }

  /** Known numbers as a value of the graph. */
  constant(part: string, known: KnownTensor): string {
    const name = this.uniqueName(part);
    this.maker.define(name, known);
    return this.maker.value(name);
  }

  /** Adds a node that the vocabulary has no word for, in the hope that it is part of something that it has one for. */
  opaque(inputs: readonly string[], shape: Shape, reason: string): void {
    this.maker.add({
      operator: this.operator,
      inputs,
      outputs: this.outputs,
      attributes: {},
      path: this.path,
      opaque: { reason: this.messageOf(reason), shapes: [shape] },
    });
  }

  /**
   * Elements of a shape that is computed of known tensors.
   *
   * @throws PeaError of kind usage where they are more than a file of this size has reason for
   */
  bounded(shape: readonly number[]): number {
    const count = elementsOf(shape);
    return this.maker.spend(count)
      ? count
      : this.refuse(`it makes ${shape.join("×")} elements of nothing: the file is damaged`);
  }

  messageOf(reason: string): string {
    const name = this.proto.name || this.outputs.find((output) => output !== "") || "without a name";
    return `${this.operator} ${name}: ${reason}`;
  }

  refuse(reason: string): never {
    throw new PeaError(this.messageOf(reason), { kind: "usage" });
  }

  formatShape(place: number): string {
    return formatShape(this.shape(place));
  }

  #add(
    operator: string,
    inputs: readonly string[],
    attributes: Attributes,
    outputs: readonly string[],
  ): void {
    const last = inputs.findLastIndex((name) => name !== "");
    const written = outputs.slice(0, outputs.findLastIndex((name) => name !== "") + 1);
    this.maker.add({
      operator,
      inputs: inputs.slice(0, last + 1),
      outputs: written.map((name) => name || this.uniqueName("unread")),
      attributes,
      path: this.path,
    });
  }

  #fixed(length: Length, name: string): number {
    return typeof length === "number" ? length : this.refuse(`its ${name} hangs on the number of images`);
  }

  #name(place: number): string {
    const name = this.proto.input[place] ?? "";
    return name === "" ? this.refuse(`its input ${place} is missing`) : name;
  }
}
