/**
 * The graph of a file while it is made, node by node.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import {
  type Constant,
  formatShape,
  type Graph,
  type GraphInput,
  type GraphNode,
  isOpen,
  outputShapes,
  removeDeadNodes,
  type Shape,
} from "@pea/graph";
import { constantOf, type KnownTensor } from "./known-tensor.ts";

/** What a chain of nodes makes of an image's planes, as image-windows.ts finds it out. */
export interface Probe {
  /** The graph's value for the image, [batch, channels, height, width]. */
  readonly image: string;
  readonly size: readonly [height: number, width: number];
  /** What it makes of known planes, which are an image's channels. */
  readonly answer: KnownTensor;
}

/**
 * What a name in the file stands for: known numbers, a value that the graph computes, several tensors in a row, or what is
 * computed only where something reads it.
 */
type Value =
  | { known: KnownTensor }
  | { computed: string }
  | { parts: readonly string[] }
  | { probe: Probe; compute: () => void }
  | { lacking: string };

export class GraphMaker {
  readonly #values = new Map<string, Value>();
  readonly #shapes = new Map<string, Shape>();
  readonly #constants = new Map<string, Constant>();
  readonly #origins = new Map<string, string>();
  readonly #nodes: GraphNode[] = [];
  readonly #inputs: GraphInput[] = [];

  /** Layers into which their exporter has folded a batch norm. */
  foldedBatchNorms = 0;
  /** What layers compute that have lost a bias of zeros. */
  readonly lostBiases = new Set<string>();
  #budget: number;

  /**
   * @param names all names of the file, which no value made here may take
   * @param budget elements that may be computed of known ones, altogether
   * @param fixedBatch the number of images that the file was made for; undefined where it is left open
   */
  constructor(
    private readonly names: Set<string>,
    budget: number,
    readonly fixedBatch?: number | undefined,
  ) {
    this.#budget = budget;
  }

  /** Takes elements from the budget; false where it does not suffice. */
  spend(elements: number): boolean {
    this.#budget -= elements;
    return elements >= 0 && this.#budget >= 0;
  }

  addInput(input: GraphInput): void {
    this.#inputs.push(input);
    this.#shapes.set(input.name, input.shape);
    this.#values.set(input.name, { computed: input.name });
  }

  define(name: string, known: KnownTensor): void {
    this.#values.set(name, { known });
  }

  /** Takes a name for what another one stands for. */
  same(name: string, other: string): void {
    this.#values.set(name, this.#valueOf(other));
  }

  /** Has nothing for a name, and says why to whoever reads it. */
  lack(name: string, reason: string): void {
    this.#values.set(name, { lacking: reason });
  }

  defineParts(name: string, parts: readonly string[]): void {
    this.#values.set(name, { parts });
  }

  /** @param compute adds the node that computes the name's value */
  defineProbe(name: string, probe: Probe, compute: () => void): void {
    this.#values.set(name, { probe, compute });
  }

  probe(name: string): Probe | undefined {
    const value = this.#valueOf(name);
    return "probe" in value ? value.probe : undefined;
  }

  /** The numbers that a name stands for; undefined where the network computes them. */
  known(name: string): KnownTensor | undefined {
    const value = this.#valueOf(name);
    return "known" in value ? value.known : undefined;
  }

  parts(name: string): readonly string[] | undefined {
    const value = this.#valueOf(name);
    return "parts" in value ? value.parts : undefined;
  }

  /** The graph's value for a name of the file; known numbers become a constant. */
  value(name: string): string {
    const value = this.#valueOf(name);
    if ("computed" in value) return value.computed;
    if ("probe" in value) {
      value.compute();
      return this.value(name);
    }
    if ("parts" in value) throw new PeaError(`${name} is several tensors where one is read`);
    if (!this.#constants.has(name)) {
      const constant = constantOf(value.known);
      this.#constants.set(name, constant);
      this.#shapes.set(name, constant.shape);
      if (value.known.key !== undefined) this.#origins.set(name, value.known.key);
    }
    return name;
  }

  /** Shape of what a name stands for. */
  shape(name: string): Shape {
    const value = this.#valueOf(name);
    return "known" in value ? value.known.shape : (this.#shapes.get(this.value(name)) as Shape);
  }

  /** Adds a node and infers what it computes. */
  add(node: GraphNode): void {
    const shapes = outputShapes(node, this.#shapes);
    node.outputs.forEach((name, place) => {
      this.#shapes.set(name, shapes[place] as Shape);
      this.#values.set(name, { computed: name });
    });
    this.#nodes.push(node);
  }

  uniqueName(wanted: string): string {
    let name = wanted;
    for (let i = 1; this.names.has(name); i++) name = `${wanted}_${i}`;
    this.names.add(name);
    return name;
  }

  /** The graph that leads to an output of the file, under its name there. */
  build(output: string): Graph {
    const value = this.value(output);
    if (this.#inputs.some(({ name }) => name === value) || this.#constants.has(value))
      throw new PeaError(`the output ${output} does not hang on what a network computes of its input`, {
        kind: "usage",
      });
    const [first] = this.shape(value);
    if (isOpen(first) && first !== "batch")
      throw new PeaError(
        `the output ${output} has several rows for each image, ${formatShape(this.shape(value))}: a network here gives one answer to each`,
        { kind: "usage" },
      );
    const renamed = (names: readonly string[]) => names.map((name) => (name === value ? output : name));
    const nodes = this.#nodes.map((node) => {
      return { ...node, inputs: renamed(node.inputs), outputs: renamed(node.outputs) };
    });
    return removeDeadNodes({
      inputs: this.#inputs,
      outputs: [output],
      nodes,
      constants: this.#constants,
    });
  }

  /** The file's own name for the tensor that a constant was made of by moving elements alone. */
  get origins(): ReadonlyMap<string, string> {
    return this.#origins;
  }

  #valueOf(name: string): Exclude<Value, { lacking: string }> {
    const value = this.#values.get(name);
    if (value === undefined)
      throw new PeaError(`${name || "an input left out"} is read, and nothing computes it`, {
        kind: "usage",
      });
    if ("lacking" in value) throw new PeaError(value.lacking, { kind: "usage" });
    return value;
  }
}
