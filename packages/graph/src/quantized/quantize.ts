/**
 * From a plan and the ranges of its values to a network of integers.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { at, type Constant, producersOf } from "../graph.ts";
import { outputAxis } from "../weights.ts";
import type { IntegerPlan, ValueGroup } from "./plan.ts";
import { quantizationOf, type Range, unitQuantization } from "./quantization.ts";
import { quantizeLayer } from "./quantize-layer.ts";
import { quantizedConstant } from "./quantized-constant.ts";
import type { Quantization, QuantizedGraph, QuantizedNode } from "./quantized-graph.ts";
import { requireScheme, type Scheme } from "./scheme.ts";

/** The ranges of a network's values, by name: of every source of every group of its plan that is no constant. */
export type Ranges = ReadonlyMap<string, Range>;

/**
 * Quantizes a network. Dead channels and biases that are large beside their weights: see `quantizeLayer`.
 *
 * @throws PeaError naming value and module where a range is missing, empty (all numbers 0) or not finite, or a layer's sums
 *   do not fit in int32; of kind usage for a scheme that no kernel computes
 */
export function quantize(plan: IntegerPlan, ranges: Ranges, scheme: Scheme): QuantizedGraph {
  requireScheme(scheme);
  const { graph } = plan;
  const quantizations = new Map<string, Quantization>();
  const constants = new Map<string, Constant>();
  for (const group of plan.groups) {
    const quantization = group.isUnit
      ? unitQuantization(scheme)
      : quantizationOf(rangeOf(group, plan, ranges), scheme);
    for (const name of group.values) {
      quantizations.set(name, quantization);
      const constant = graph.constants.get(name);
      if (constant !== undefined) constants.set(name, quantizedConstant(constant, quantization));
    }
  }
  const nodes = plan.nodes.map((node) =>
    outputAxis(node) === undefined ? node : layerOf(node, { plan, quantizations, constants, scheme }),
  );
  return { ...graph, nodes, constants, quantizations };
}

interface Made {
  readonly plan: IntegerPlan;
  readonly quantizations: Map<string, Quantization>;
  readonly constants: Map<string, Constant>;
  readonly scheme: Scheme;
}

/** The layer with weight and bias of its own: others that share them read other scales. */
function layerOf(node: QuantizedNode, { plan, quantizations, constants, scheme }: Made): QuantizedNode {
  const [input = "", ...own] = node.inputs;
  const [output = ""] = node.outputs;
  const { weight, bias } = quantizeLayer(node, plan.graph, {
    input: quantizations.get(input) as Quantization,
    output: quantizations.get(output) as Quantization,
    scheme,
  });
  const names = [weight, bias].map(({ constant, quantization }, place) => {
    const wanted = own[place] as string;
    const name = constants.has(wanted) ? `${wanted}/${output}` : wanted;
    constants.set(name, constant);
    quantizations.set(name, quantization);
    return name;
  });
  return { ...node, inputs: [input, ...names] };
}

/** The least range that holds those of a group's sources. */
function rangeOf({ sources }: ValueGroup, plan: IntegerPlan, ranges: Ranges): Range {
  const all = sources.map((name) => {
    const constant = plan.graph.constants.get(name);
    const range = constant === undefined ? ranges.get(name) : extremes(constant);
    if (range === undefined) throw new PeaError(`there is no range of ${named(name, plan)}`);
    if (!Number.isFinite(range.min) || !Number.isFinite(range.max) || range.min > range.max)
      throw new PeaError(
        `${named(name, plan)} has values from ${range.min} to ${range.max}: these are no numbers to quantize`,
      );
    return range;
  });
  const range = { min: Math.min(...all.map(({ min }) => min)), max: Math.max(...all.map(({ max }) => max)) };
  if (Math.max(-range.min, range.max) < smallest)
    throw new PeaError(
      `${sources.map((name) => named(name, plan)).join(", ")} ${sources.length > 1 ? "are" : "is"} 0 on all images ` +
        "that ranges were taken from: there is no scale for it. Take other images, or look at the weights before it",
    );
  return range;
}

/** Of the normal numbers of float32 times 2¹⁶: below, a scale would not be one of them. */
const smallest = 2 ** -110;

function extremes({ data }: Constant): Range {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of data) {
    min = Math.min(min, Number(value));
    max = Math.max(max, Number(value));
  }
  return { min, max };
}

/** `logits (Gemm in fc)`. */
function named(name: string, { nodes, graph }: IntegerPlan): string {
  const node = producersOf({ ...graph, nodes }).get(name);
  return node === undefined ? name : `${name} (${node.operator}${at(node.path)})`;
}
