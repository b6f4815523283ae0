/**
 * A network computed with rounded weights and values, while its own weights train.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { type Graph, planIntegers, prepare, type Scheme, settleStillChannels } from "@pea/graph";
import {
  abs,
  amax,
  autocast,
  BatchNorm1d,
  BatchNorm2d,
  cast,
  clone,
  copyInPlace,
  type Module,
  noGrad,
  scope,
  sub,
  type Tensor,
  tensor,
} from "@pea/torch";
import { GraphNetwork } from "../../import/network/graph-network.ts";
import { LearnedRanges } from "./learned-ranges.ts";
import { type RoundedParameters, roundedGamma, roundedParameters, roundedWeight } from "./rounded-weights.ts";
import { TrackedRanges } from "./tracked-ranges.ts";
import type { ValueRanges } from "./value-ranges.ts";

/** How numbers are rounded, and where the ranges of values come from. */
export interface Rounding extends Scheme {
  readonly ranges: "tracked" | "learned";
  /** Of those that are tracked. */
  readonly momentum: number;
}

/**
 * The forward pass of a network whose numbers are those that integers will stand for: weights are rounded as they will be
 * with batch norm folded into them, values where the network of integers will have them, by tracked or learned ranges. Batch
 * norm runs as ever: in training by the statistics of the batch, which the running ones follow. Rounding has the gradient 1, and
 * 0 where a value is cut off.
 *
 * It runs on a copy of the network made of its graph: `takeGradients` brings gradients to where the optimizer looks.
 */
export class QuantizedForward {
  readonly #network: GraphNetwork;
  readonly #model: Module;
  readonly #parameters: RoundedParameters;
  readonly #rounding: Rounding;
  /** Values that are rounded, and what they are called in the network of integers. */
  readonly #rounded: ReadonlyMap<string, string>;
  readonly ranges: ValueRanges;

  /**
   * @param graph traced of `model`, in evaluation mode and as it is deployed
   * @throws PeaError naming operator and module where the network has no integer form, and parameters that its graph has in
   * another form
   */
  constructor(model: Module, graph: Graph, rounding: Rounding) {
    const plan = planIntegers(prepare(graph).graph);
    this.#model = model;
    this.#parameters = roundedParameters(graph, rounding);
    this.#rounding = rounding;
    this.#network = new GraphNetwork(graph, { apart: true });
    this.#network.eval();
    const [parameter] = model.parameters();
    this.#network.to({ device: parameter?.device });
    requireSameKeys(this.#network, model);
    const computed = plan.groups.flatMap(({ values, isUnit }) => (isUnit ? [] : values));
    const settled = new GraphNetwork(settleStillChannels(graph), { apart: true });
    this.#rounded = sharedValues(settled, new GraphNetwork(plan.graph), {
      graph,
      names: new Set(computed),
    });
    settled.dispose();
    const found = new Set(this.#rounded.values());
    const groups = plan.groups.filter(({ values }) => values.some((name) => found.has(name)));
    const Ranges = rounding.ranges === "learned" ? LearnedRanges : TrackedRanges;
    this.ranges = new Ranges(groups, { ...rounding, device: parameter?.device });
  }

  /**
   * [N, C, H, W] → logits, in float32.
   *
   * @param training whether ranges are tracked, or learned
   */
  forward(images: Tensor, { training }: { training: boolean }): Tensor {
    return this.observed(images, { training });
  }

  /** The same, watched: each value as it was rounded, by its name in the network of integers. */
  observed(
    images: Tensor,
    { training, observe }: { training: boolean; observe?: (name: string, value: Tensor) => void },
  ): Tensor {
    this.#copyModes();
    noGrad(() => scope(() => this.#copyWeights()));
    const round = (name: string, value: Tensor) => {
      const integer = this.#rounded.get(name);
      if (integer === undefined) return value;
      const rounded = this.ranges.round(integer, value, { training });
      observe?.(integer, rounded);
      return rounded;
    };
    // Numbers of 16 bits are too coarse to be rounded.
    const floats = cast(images, { dtype: "float32" });
    const logits = autocast(null, () => this.#network.mapped(floats, round));
    if (training) this.ranges.endPass();
    noGrad(() => scope(() => this.#takeStatistics()));
    return logits;
  }

  /** Moves the gradients of the copy to the model's parameters. */
  takeGradients(): void {
    const copies = this.#network.namedParameters();
    scope(() => {
      for (const [key, parameter] of this.#model.namedParameters()) {
        const copy = copies.get(key);
        if (copy === undefined) continue;
        parameter.grad = copy.grad;
        copy.grad = null;
      }
    });
  }

  dispose(): void {
    this.#network.dispose();
    this.ranges.dispose?.();
  }

  #copyWeights(): void {
    const state = this.#model.stateDict();
    const layers = new Map(this.#parameters.weights.map((layer) => [layer.key, layer]));
    for (const [key, copy] of this.#network.stateDict()) {
      const layer = layers.get(key);
      copyInPlace(copy, layer ? roundedWeight(layer, state, this.#rounding) : (state.get(key) as Tensor));
    }
    for (const norm of this.#parameters.norms) {
      const gamma = this.#network.stateDict().get(norm.weight) as Tensor;
      copyInPlace(gamma, roundedGamma(gamma, norm, state, this.#rounding));
    }
  }

  /** Batch norms run as the model's, which whoever estimates statistics sets. */
  #copyModes(): void {
    for (const [path, norm] of this.#network.namedModules()) {
      if (!isBatchNorm(norm)) continue;
      const { training, momentum, sumOverRanks } = this.#model.getModule(path) as typeof norm;
      Object.assign(norm, { training, momentum, sumOverRanks });
    }
  }

  /** What batch norms' running statistics have become. */
  #takeStatistics(): void {
    const buffers = this.#model.namedBuffers();
    for (const [key, buffer] of this.#network.namedBuffers()) copyInPlace(buffers.get(key) as Tensor, buffer);
  }
}

function isBatchNorm(module: Module): module is BatchNorm1d | BatchNorm2d {
  return module instanceof BatchNorm1d || module instanceof BatchNorm2d;
}

function requireSameKeys(network: Module, model: Module): void {
  const state = model.stateDict();
  for (const [key, { shape }] of network.stateDict())
    if (`${state.get(key)?.shape}` !== `${shape}`)
      throw new PeaError(
        `quantize: ${key}, which the network computes with, is made of parameters in another form; leave quantize out ` +
          "and export with calibration",
      );
}

/**
 * Of the values of one network those that another computes too, but for rounding, and what they are called there: the same
 * where that has the same numbers, else any that has.
 *
 * @param names values of the other network that count
 */
function sharedValues(
  one: GraphNetwork,
  other: GraphNetwork,
  { graph, names }: { graph: Graph; names: ReadonlySet<string> },
): ReadonlyMap<string, string> {
  const shared = new Map<string, string>();
  one.eval();
  other.eval();
  noGrad(() =>
    scope(() => {
      const image = probe(graph);
      const values = new Map<string, Tensor>();
      other.observed(image, (name, value) => {
        if (names.has(name)) values.set(name, clone(value));
      });
      one.observed(image, (name, value) => {
        const own = values.get(name);
        const candidates = own ? [[name, own] as const, ...values] : [...values];
        const found = candidates.find(([, candidate]) => scope(() => areAlike(candidate, value)));
        if (found !== undefined) shared.set(name, found[0]);
      });
    }),
  );
  other.dispose();
  return shared;
}

/** An image of all kinds of numbers. */
function probe({ inputs: [input] }: Graph): Tensor {
  const shape = (input?.shape ?? []).map((size) => (size === "batch" ? 1 : size));
  const length = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float32Array.from({ length }, (_, i) => 2 * Math.sin(i * 12.9898 + Math.sin(i))),
    { shape },
  );
}

function areAlike(a: Tensor, b: Tensor): boolean {
  if (`${a.shape}` !== `${b.shape}`) return false;
  const greatest = amax(abs(a)).item();
  return amax(abs(sub(a, b))).item() <= 1e-3 * greatest;
}
