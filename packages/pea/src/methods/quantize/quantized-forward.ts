/**
 * A network computed with rounded weights and values, while its own weights train.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import {
  at,
  type Graph,
  type IntegerPlan,
  planIntegers,
  prepare,
  rangedValues,
  type Scheme,
  type ValueGroup,
  whyNotIntegers,
} from "@pea/graph";
import {
  autocast,
  BatchNorm1d,
  BatchNorm2d,
  cast,
  copyInPlace,
  type Module,
  noGrad,
  scope,
  type Tensor,
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
  /** What batch norms normalize training images by. */
  readonly batchNorm: "running" | "frozen";
}

/**
 * The forward pass of a network whose numbers are those that integers will stand for: weights are rounded as they will be
 * with batch norm folded into them, values where the network of integers will have them, by tracked or learned ranges. Batch
 * norm runs as ever, in training by the statistics of the batch, which the running ones follow; or these are frozen. Rounding has the gradient 1, and
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
    const { plan, rounded } = roundedValues(graph);
    this.#rounded = rounded;
    this.#model = model;
    this.#parameters = roundedParameters(graph, rounding);
    this.#rounding = rounding;
    this.#network = new GraphNetwork(graph, { apart: true });
    this.#network.eval();
    const [parameter] = model.parameters();
    this.#network.to({ device: parameter?.device });
    requireSameKeys(this.#network, model);
    const Ranges = rounding.ranges === "learned" ? LearnedRanges : TrackedRanges;
    this.ranges = new Ranges(groupsOf(plan, rounded), { ...rounding, device: parameter?.device });
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
    this.#copyModes(training);
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

  /** Batch norms run as the model's, which whoever estimates statistics sets, unless they are frozen. */
  #copyModes(isTraining: boolean): void {
    const isFrozen = isTraining && this.#rounding.batchNorm === "frozen";
    for (const [path, norm] of this.#network.namedModules()) {
      if (!isBatchNorm(norm)) continue;
      const { training, momentum, sumOverRanks } = this.#model.getModule(path) as typeof norm;
      Object.assign(norm, { training: training && !isFrozen, momentum, sumOverRanks });
    }
  }

  /** What batch norms' running statistics have become. */
  #takeStatistics(): void {
    const buffers = this.#model.namedBuffers();
    for (const [key, buffer] of this.#network.namedBuffers()) copyInPlace(buffers.get(key) as Tensor, buffer);
  }
}

/** What a network's values are rounded as, by their names in its graph: values of the plan. */
interface RoundedValues {
  readonly plan: IntegerPlan;
  readonly rounded: ReadonlyMap<string, string>;
}

function roundedValues(graph: Graph): RoundedValues {
  const { graph: prepared, values } = prepare(graph);
  const plan = planIntegers(prepared);
  const quantized = new Set(plan.groups.flatMap(({ values, isUnit }) => (isUnit ? [] : values)));
  return { plan, rounded: new Map([...values].filter(([, name]) => quantized.has(name))) };
}

/** Those that are rounded. */
function groupsOf({ groups }: IntegerPlan, rounded: RoundedValues["rounded"]): ValueGroup[] {
  const found = new Set(rounded.values());
  return groups.filter(({ values }) => values.some((name) => found.has(name)));
}

/**
 * Whether a network can be trained with rounded numbers, asked before it is trained at all.
 *
 * @param graph of the network as it will be deployed
 * @throws PeaError of kind usage naming operator and module without an integer form, and those that compute in integers what is
 *   no value of the network
 */
export function requireRoundable(graph: Graph): void {
  const refuse = (reason: string) => {
    throw new PeaError(`quantize cannot round this network: ${reason}; leave quantize out`, {
      kind: "usage",
    });
  };
  const { graph: prepared } = prepare(graph);
  const reason = whyNotIntegers(prepared);
  if (reason !== null) refuse(reason);
  const { plan, rounded } = roundedValues(graph);
  const found = new Set(groupsOf(plan, rounded).flatMap(({ values }) => values));
  const lost = rangedValues(plan).find((name) => !found.has(name));
  const node = plan.nodes.find(({ outputs }) => outputs.includes(lost ?? ""));
  if (node)
    refuse(`what ${node.operator}${at(node.path)} computes in integers is no value of it while it trains`);
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
