/**
 * Makes the graph of a recorded forward pass, call by call.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import {
  at,
  type Constant,
  formatShape,
  type Graph,
  type GraphNode,
  outputShapes,
  removeDeadNodes,
  type Shape,
  sizeFor,
} from "@pea/graph";
import { type Call, Tensor } from "@pea/torch";
import { AtenCall, type KnownValues, withoutOverload } from "./aten-call.ts";
import { converters } from "./operators/index.ts";
import { traceBatch } from "./trace-batch.ts";

export const inputName = "input";
export const outputName = "logits";

/** A graph that grows. */
export class GraphBuilder implements KnownValues {
  readonly #names = new Map<Tensor, string>();
  readonly #stateKeys = new Map<Tensor, string>();
  readonly #usedNames = new Set([inputName, outputName]);
  readonly #shapes = new Map<string, Shape>();
  readonly #constants = new Map<string, Constant>();
  readonly #inputShape: Shape;
  #nodes: GraphNode[] = [];

  /**
   * @param state parameters and buffers by their keys
   * @param input of the forward pass
   * @param producer path of the module that gave a tensor back
   */
  constructor(
    state: ReadonlyMap<string, Tensor>,
    input: Tensor,
    private readonly producer: ReadonlyMap<Tensor, string>,
  ) {
    for (const [key, tensor] of state) {
      this.#stateKeys.set(tensor, key);
      this.#usedNames.add(key);
    }
    this.#inputShape = symbolic(input.shape);
    this.#names.set(input, inputName);
    this.#shapes.set(inputName, this.#inputShape);
  }

  /** Adds what a call computes: a constant where it reads constants alone, an opaque node where it has no other form. */
  addCall(call: Call): void {
    const path = this.#pathOf(call);
    const results = [call.result].flat() as Tensor[];
    const before = this.#nodes.length;
    try {
      const names = this.#readsConstantsAlone(call)
        ? results.map((result) => this.#freeze(result, path || withoutOverload(call.name)))
        : [this.#convert(call, path)].flat();
      for (const [i, result] of results.entries()) this.#name(result, names[i] as string, call, path);
    } catch (error) {
      if (!(error instanceof PeaError)) throw error;
      this.#nodes.length = before;
      this.#addOpaque(call, path, error.message);
    }
  }

  /**
   * The graph that leads to `output`, which it names `logits`.
   *
   * @throws PeaError when no node computes it
   */
  build(output: Tensor): Graph {
    const last = this.#names.get(output);
    const isComputed = this.#nodes.some(({ outputs }) => outputs.includes(last ?? ""));
    if (last === undefined || !isComputed)
      throw new PeaError("The network's output does not depend on any operator that was recorded.");
    const renamed = (names: readonly string[]) => names.map((name) => (name === last ? outputName : name));
    for (const [tensor, name] of this.#names) if (name === last) this.#names.set(tensor, outputName);
    return removeDeadNodes({
      inputs: [{ name: inputName, shape: this.#inputShape }],
      outputs: [outputName],
      nodes: this.#nodes.map((node) => ({
        ...node,
        inputs: renamed(node.inputs),
        outputs: renamed(node.outputs),
      })),
      constants: this.#constants,
    });
  }

  nameOf(tensor: Tensor): string | undefined {
    const known = this.#names.get(tensor);
    const key = this.#stateKeys.get(tensor);
    if (known !== undefined || key === undefined) return known;
    this.#names.set(tensor, key);
    this.define(key, constantOf(key, tensor));
    return key;
  }

  shapeOf(name: string): Shape {
    return this.#shapes.get(name) ?? [];
  }

  uniqueName(wanted: string): string {
    let name = wanted;
    for (let i = 1; this.#usedNames.has(name); i++) name = `${wanted}_${i}`;
    this.#usedNames.add(name);
    return name;
  }

  add(node: GraphNode): void {
    const shapes = outputShapes(node, this.#shapes);
    node.outputs.forEach((name, i) => {
      this.#shapes.set(name, shapes[i] as Shape);
    });
    this.#nodes.push(node);
  }

  define(name: string, constant: Constant): void {
    this.#constants.set(name, constant);
    this.#shapes.set(name, constant.shape);
  }

  #convert(call: Call, path: string) {
    const operator = withoutOverload(call.name);
    const convert = converters.get(call.name) ?? converters.get(operator);
    if (convert !== undefined) return convert(new AtenCall(call, path, this));
    throw new PeaError(
      `${operator}${at(path)} has no mapping to ONNX; the mapped operators are ${mappedOperators().join(", ")}.`,
    );
  }

  #addOpaque(call: Call, path: string, reason: string): void {
    const results = [call.result].flat() as Tensor[];
    const operator = withoutOverload(call.name);
    const wanted = path || operator.replace(/^.*::/, "");
    const outputs = results.map(() => this.uniqueName(wanted));
    const inputs = tensorsOf(call).flatMap((tensor) => this.#names.get(tensor) ?? []);
    const shapes = results.map(({ shape }) => symbolic(shape));
    this.add({ operator, inputs, outputs, attributes: {}, path, opaque: { reason, shapes } });
    results.forEach((result, i) => {
      this.#names.set(result, outputs[i] as string);
    });
  }

  /** Takes `name` for a result, whose shape must be the one that libtorch gave it. */
  #name(result: Tensor, name: string, call: Call, path: string): void {
    const shape = this.shapeOf(name);
    const concrete = shape.map((size) => sizeFor(size, traceBatch));
    if (formatShape(concrete) !== formatShape(result.shape))
      throw new PeaError(
        `${withoutOverload(call.name)}${at(path)} cannot be written in ONNX: its result would be ` +
          `${formatShape(concrete)}, and is ${formatShape(result.shape)}.`,
      );
    this.#names.set(result, name);
  }

  /** Keeps what libtorch computed. */
  #freeze(result: Tensor, wanted: string): string {
    const name = this.uniqueName(`${wanted.replace(/^.*::/, "")}/constant`);
    this.define(name, constantOf(name, result));
    return name;
  }

  #readsConstantsAlone(call: Call): boolean {
    const tensors = tensorsOf(call);
    const isConstant = (tensor: Tensor) =>
      this.#stateKeys.has(tensor) || this.#constants.has(this.#names.get(tensor) ?? "");
    return tensors.length > 0 && tensors.every(isConstant);
  }

  /** Where a parameter or buffer is read, the module that holds it; else the one that gives the result back. */
  #pathOf({ args, result }: Call): string {
    const key = args.map((arg) => this.#stateKeys.get(arg as Tensor)).find((known) => known);
    return key !== undefined ? parentPath(key) : (this.producer.get(result as Tensor) ?? "");
  }
}

/** Names without overloads. */
function mappedOperators(): string[] {
  return [...new Set([...converters.keys()].map(withoutOverload))];
}

function tensorsOf({ args }: Call): Tensor[] {
  return args.flat().filter((arg): arg is Tensor => arg instanceof Tensor);
}

/** A recorded shape, its batch left open. */
function symbolic(shape: readonly number[]): Shape {
  return shape.map((size, axis) => (axis === 0 && size === traceBatch ? "batch" : size));
}

function constantOf(name: string, tensor: Tensor): Constant {
  if (tensor.dtype !== "float32")
    throw new PeaError(`"${name}" is ${tensor.dtype}; only float32 networks can be exported.`);
  return { shape: [...tensor.shape], data: tensor.toTypedArray() as Float32Array };
}

function parentPath(key: string): string {
  return key.includes(".") ? key.slice(0, key.lastIndexOf(".")) : "";
}
