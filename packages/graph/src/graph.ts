/**
 * A network as a graph: what it consists of, as plain data. Passes take a graph and give another one back.
 *
 * @module
 */
import { PeaError } from "@pea/core";

/** Length of an axis: a number, or one that is left open with the batch. */
export type Size = number | OpenSize;

/** As many as there are samples in the batch, or several for each, as windows of an image: `4·batch`. */
export type OpenSize = "batch" | `${number}·batch`;

/** `count` for each sample. */
export function perSample(count: number): OpenSize {
  return count === 1 ? "batch" : `${count}·batch`;
}

export function isOpen(size: Size | undefined): size is OpenSize {
  return typeof size === "string";
}

/** A size in a batch of this many samples. */
export function sizeFor(size: Size, samples: number): number {
  if (!isOpen(size)) return size;
  return size === "batch" ? samples : samples * Number.parseInt(size, 10);
}

/** Axes from the outermost on, e.g. ["batch", 3, 224, 224]; [] for a single number. */
export type Shape = readonly Size[];

/** Elements of a constant, row-major. */
export type TensorData = Float32Array | Int8Array | Uint8Array | Int16Array | Int32Array | BigInt64Array;

/** A tensor whose values are known. */
export interface Constant {
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** What an operator is set to, by ONNX's names of attributes. What ONNX takes as an input of known integers, as `Reshape`'s shape, is an attribute here too. */
export type Attributes = Readonly<Record<string, number | string | readonly number[]>>;

/** One operator at work. */
export interface GraphNode {
  /** ONNX's name of the operator, e.g. `Conv`; of an opaque node the name of whoever has it. */
  readonly operator: string;
  /** Names of the values it reads, in ONNX's order; "" for an optional one left out before another. */
  readonly inputs: readonly string[];
  /** Names of the values it computes. */
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
  /** Path of the module it comes from, e.g. `layer1.0.conv1`; empty where none is known. */
  readonly path: string;
  /** Of an operator that the vocabulary does not have: what is known of it all the same. */
  readonly opaque?: Opaque;
}

/** An operator known by its results alone. */
export interface Opaque {
  /** Why it could not be put in the vocabulary's words: a sentence that names operator and module. */
  readonly reason: string;
  readonly shapes: readonly Shape[];
}

/** A value that comes from outside. */
export interface GraphInput {
  readonly name: string;
  readonly shape: Shape;
}

/** A network. Every value has a name: of an input, a constant, or the output of one node. */
export interface Graph {
  readonly inputs: readonly GraphInput[];
  /** Names of the values it gives back. */
  readonly outputs: readonly string[];
  /** In an order in which they can be run. */
  readonly nodes: readonly GraphNode[];
  readonly constants: ReadonlyMap<string, Constant>;
}

/** Elements of a shape; of one sample where the batch is open. */
export function elementsOf(shape: Shape): number {
  return shape.reduce<number>((product, size) => product * sizeFor(size, 1), 1);
}

/** As `batch×3×224×224`. */
export function formatShape(shape: Shape): string {
  return shape.length === 0 ? "a single number" : shape.join("×");
}

/** A node that stands in a network's way, and why: a sentence that names operator and module. */
export interface Obstacle {
  readonly node: GraphNode;
  readonly reason: string;
}

/** `" in layer1.0.bn1"`, or nothing where the module is unknown. */
export function at(path: string): string {
  return path === "" ? "" : ` in ${path}`;
}

/**
 * `Clip in act`, or of what stands in no module, `Clip behind conv`, the nearest module that computes what it reads; the operator
 * alone where there is none.
 */
export function nameOfNode(graph: Graph, node: GraphNode): string {
  return `${node.operator}${node.path === "" ? behind(graph, node) : at(node.path)}`;
}

/** ` behind mix`: the nearest module before a node; empty where there is none. */
function behind(graph: Graph, node: GraphNode): string {
  const producers = producersOf(graph);
  const seen = new Set([node]);
  for (const { inputs, path } of seen) {
    if (path !== "") return ` behind ${path}`;
    for (const name of inputs) {
      const producer = producers.get(name);
      if (producer !== undefined) seen.add(producer);
    }
  }
  return "";
}

/** The node that computes each value, by the value's name. */
export function producersOf({ nodes }: Graph): Map<string, GraphNode> {
  return new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node])));
}

/** The nodes that read each value, by the value's name; a node that reads it twice comes twice. */
export function readersOf({ nodes }: Graph): Map<string, GraphNode[]> {
  const readers = new Map<string, GraphNode[]>();
  for (const node of nodes)
    for (const input of node.inputs) readers.set(input, [...(readers.get(input) ?? []), node]);
  return readers;
}

/**
 * A constant of float32.
 *
 * @throws PeaError when there is none of this name, or it holds integers
 */
export function floatsOf({ constants }: Graph, name: string): Float32Array {
  const data = constants.get(name)?.data;
  if (!(data instanceof Float32Array)) throw new PeaError(`${name} is no constant of float32`);
  return data;
}
