/**
 * A graph as a network that trains.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import {
  at,
  type Constant,
  type Graph,
  type GraphNode,
  inferShapes,
  operators,
  type Shape,
} from "@pea/graph";
import { BatchNormAct2d, keepsIntermediates, Module, scope, type Tensor, tensor } from "@pea/torch";
import { activationModules } from "./layers/activation.ts";
import { layers } from "./layers/index.ts";
import { type LayerHost, LayerNode, type Run } from "./layers/layer.ts";
import { batchNormOptions, loadBatchNorm } from "./layers/normalization.ts";
import { ModulePaths } from "./module-paths.ts";
import { type Place, placeModule, placeNumbers } from "./module-tree.ts";
import { isNormalizedActivation, type NormalizedActivation, type Step, stepsOf } from "./steps.ts";

/** A step, with the places of the values that it reads and computes. */
interface Work {
  readonly run: Run;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Names of what it computes. */
  readonly names: readonly string[];
  /** Values that nothing reads any more. */
  readonly last: readonly number[];
}

/** Told of each value of a network, the input included, by its name in the graph, before anything reads it. */
export type ValueObserver = (name: string, value: Tensor) => void;

/** The same, which gives what is read in the value's place: the value itself, or another tensor. */
export type ValueMap = (name: string, value: Tensor) => Tensor;

/**
 * The network that a graph describes: its modules stand under the keys of its weights, each activation at a site of its
 * own. It computes what the graph does and trains all weights; what is done to images before all weights stays as it is.
 */
export class GraphNetwork extends Module {
  readonly #work: readonly Work[];
  readonly #values: number;
  readonly #input: string;
  readonly #output: number;

  /**
   * @param graph of one input [batch, C, H, W] and one output
   * @param options.apart whether batch norm and the activation behind it are computed one after the other, so that what lies
   * between them is a value too
   * @throws PeaError naming operator and module where it has one that cannot be computed here
   */
  constructor(graph: Graph, { apart = false }: { apart?: boolean } = {}) {
    super();
    const [input] = graph.inputs;
    const [output = ""] = graph.outputs;
    if (input === undefined || graph.inputs.length > 1 || graph.outputs.length !== 1)
      throw new PeaError(
        `a network takes one input and gives one output, not ${graph.inputs.length} and ${graph.outputs.length}`,
      );
    const slots = new Map<string, number>();
    const slot = (name: string): number => {
      if (!slots.has(name)) slots.set(name, slots.size);
      return slots.get(name) as number;
    };
    slot(input.name);
    const builder = new Builder(this, graph, (name, values, trains) =>
      trains ? this.parameter(name, values) : this.buffer(name, values),
    );
    const built = (apart ? graph.nodes : builder.steps()).map((step) => builder.build(step));
    const lastReader = new Map(built.flatMap(({ inputs }, i) => inputs.map((name) => [name, i] as const)));
    this.#work = built.map(({ run, inputs, outputs }, i) => ({
      run,
      inputs: inputs.map(slot),
      outputs: outputs.map(slot),
      names: outputs,
      last: [...new Set([...inputs, ...outputs])]
        .filter((name) => name !== input.name && name !== output && (lastReader.get(name) ?? i) === i)
        .map(slot),
    }));
    this.#values = slots.size;
    this.#input = input.name;
    this.#output = slots.get(output) ?? 0;
  }

  /** [N, C, H, W] → what the graph gives, each value freed once it has been read. */
  override forward(images: Tensor): Tensor {
    return this.mapped(images, (_, value) => value);
  }

  /**
   * The same, watched.
   *
   * @param observe may change a value in place, but keep none; what batch norm and activation compute as one is one value
   */
  observed(images: Tensor, observe: ValueObserver): Tensor {
    return this.mapped(images, (name, value) => {
      observe(name, value);
      return value;
    });
  }

  /** The same with other tensors in the place of values. */
  mapped(images: Tensor, map: ValueMap): Tensor {
    const values = new Array<Tensor>(this.#values);
    const keepsAll = keepsIntermediates();
    values[0] = map(this.#input, images);
    for (const { run, inputs, outputs, names, last } of this.#work) {
      const work = () => run(...inputs.map((place) => values[place] as Tensor));
      const made = [keepsAll ? work() : scope(work)].flat();
      outputs.forEach((place, i) => {
        const value = made[i] as Tensor;
        values[place] = map(names[i] as string, value);
        if (values[place] !== value && !keepsAll) value.dispose();
      });
      // What a step computed in place is the very tensor that it read.
      const unread = last.map((place) => values[place] as Tensor);
      const kept = outputs.filter((place) => !last.includes(place)).map((place) => values[place]);
      if (!keepsAll) for (const value of unread) if (!kept.includes(value)) value.dispose();
    }
    return values[this.#output] as Tensor;
  }
}

/** Makes the modules of a network, and what runs them. */
class Builder implements LayerHost {
  readonly #shapes: ReadonlyMap<string, Shape>;
  readonly #paths: ModulePaths;
  /** By what a module is and which weights it reads: layers that share their weights are one module. */
  readonly #places = new Map<string, Place>();
  /** The modules that hold each weight. */
  readonly #holders = new Map<string, string>();
  readonly #afterWeights = new Set<string>();
  /** Numbers that are no layer's weights, by their key. */
  readonly #numbers = new Map<string, Tensor>();

  constructor(
    private readonly network: Module,
    private readonly graph: Graph,
    private readonly holdAtRoot: (name: string, values: Tensor, trains: boolean) => Tensor,
  ) {
    this.#shapes = inferShapes(graph);
    this.#paths = new ModulePaths(graph);
  }

  steps(): Step[] {
    return stepsOf(this.graph, this.#shapes, (node) => this.#activationOf(node) !== null);
  }

  build(step: Step): { run: Run; inputs: readonly string[]; outputs: readonly string[] } {
    const built = isNormalizedActivation(step) ? this.#normalized(step) : this.#single(step);
    this.#noteWeights(built.inputs, built.outputs, isNormalizedActivation(step) ? step.batchNorm : step);
    return built;
  }

  constant(name: string): Constant | undefined {
    return this.graph.constants.get(name);
  }

  isAfterWeights(name: string): boolean {
    return this.#afterWeights.has(name);
  }

  place<M extends Module>(node: GraphNode, create: () => M): Place<M> {
    const weights = node.inputs.filter((name) => this.graph.constants.has(name));
    const key = JSON.stringify([node.operator, weights, node.attributes]);
    const shared = weights.length > 0 ? this.#places.get(key) : undefined;
    if (shared !== undefined) return shared as Place<M>;
    for (const name of weights) {
      const other = this.#holders.get(name);
      if (other !== undefined)
        throw new PeaError(
          `${node.operator}${at(node.path)} shares ${name} with ${other}, which has another operator, other attributes or another bias: layers that share a tensor are one module here; clone the tensor for one of them before the export`,
        );
    }
    const place = placeModule(this.network, this.#paths.take(node), create());
    for (const name of weights) this.#holders.set(name, place.path);
    this.#places.set(key, place);
    return place;
  }

  hold(name: string, trains: boolean): Tensor | undefined {
    if (!this.#paths.isKeyOfNumbers(name)) return undefined;
    const { shape, data } = this.graph.constants.get(name) as Constant;
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const values = tensor(Float32Array.from(data as Float32Array), { shape });
    const held = name.includes(".")
      ? placeNumbers(this.network, name, values, trains)
      : this.holdAtRoot(name, values, trains);
    this.#numbers.set(name, held);
    return held;
  }

  #single(node: GraphNode) {
    const layerNode = this.#layerNode(node);
    const inputs = node.inputs.filter((name) => name !== "" && !this.graph.constants.has(name));
    return { run: this.#run(node, layerNode), inputs, outputs: node.outputs };
  }

  #run(node: GraphNode, layerNode: LayerNode): Run {
    const activation = this.#activationOf(node);
    if (activation !== null) {
      const place = this.place(node, activation);
      return (x) => place.module.forward(x);
    }
    const layer = layers.get(node.operator);
    if (layer !== undefined && node.opaque === undefined) return layer(layerNode);
    throw new PeaError(
      node.opaque?.reason ??
        `${node.operator}${at(node.path)} cannot be trained here; what can is ${[...layers.keys(), ...Object.keys(activationModules)].sort().join(", ")}`,
    );
  }

  #normalized({ batchNorm, activation, residual }: NormalizedActivation) {
    const create = this.#activationOf(activation) as () => Module;
    const node = this.#layerNode(batchNorm);
    const [channels = 0] = node.weight(1).shape;
    let site: Place | undefined;
    const norm = node.place(() =>
      loadBatchNorm(
        node,
        new BatchNormAct2d(channels, {
          ...batchNormOptions(node),
          activation: () => (site as Place).module,
        }),
      ),
    );
    site = this.place(activation, create);
    const [input = ""] = batchNorm.inputs;
    const run: Run = (x, added) => norm.module.forward(x, ...(added === undefined ? [] : [added]));
    return { run, inputs: residual === undefined ? [input] : [input, residual], outputs: activation.outputs };
  }

  #activationOf(node: GraphNode): (() => Module) | null {
    return activationModules[node.operator]?.(this.#layerNode(node)) ?? null;
  }

  #layerNode(node: GraphNode): LayerNode {
    return new LayerNode(node, this.#shapes, this);
  }

  #noteWeights(inputs: readonly string[], outputs: readonly string[], node: GraphNode): void {
    const hasWeights =
      operators.get(node.operator)?.macs !== undefined || node.operator === "BatchNormalization";
    if (hasWeights || inputs.some((name) => this.#afterWeights.has(name)))
      for (const name of outputs) this.#afterWeights.add(name);
  }
}
