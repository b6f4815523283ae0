/**
 * The weight and the bias of a layer as integers: y = sx · sw · (Σ (x − zero point) · w + b), with b of scale sx · sw.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { at, type Constant, floatsOf, type Graph, type GraphNode } from "../graph.ts";
import { outputAxis } from "../weights.ts";
import { greatestWeight, powerOfTwoAbove, roundAway } from "./quantization.ts";
import { integers, quantizedConstant } from "./quantized-constant.ts";
import { boundsOf, type Quantization } from "./quantized-graph.ts";
import type { Scheme } from "./scheme.ts";

/** Quantizations of what a layer reads and computes. */
interface Around {
  readonly input: Quantization;
  readonly output: Quantization;
  readonly scheme: Scheme;
}

interface QuantizedConstant {
  readonly constant: Constant;
  readonly quantization: Quantization;
}

/**
 * Quantizes a layer's weight, symmetrically, by the greatest of each output's weights or of all, and its bias.
 *
 * A scale is raised where it would be so small that a bias does not fit in the type of the sums beside all that can be
 * added to it, or that a sum of 1 counts less than 2⁻³¹ of an output step. So a dead channel, whose weights are all 0 or
 * next to it, gives its bias, and its weights become 0.
 *
 * @throws PeaError naming the layer where weights or biases are not finite, or sums of products alone do not fit
 */
export function quantizeLayer(
  node: GraphNode,
  graph: Graph,
  { input, output, scheme }: Around,
): { weight: QuantizedConstant; bias: QuantizedConstant } {
  const [, weightName = "", biasName = ""] = node.inputs;
  const axis = outputAxis(node) as 0 | 1;
  const floats = { shape: graph.constants.get(weightName)?.shape ?? [], data: floatsOf(graph, weightName) };
  const biases = floatsOf(graph, biasName);
  for (const values of [floats.data, biases])
    if (!values.every(Number.isFinite))
      throw new PeaError(`the weights of ${named(node)} are not all finite`);
  const magnitudes = magnitudesOf(floats, axis);
  const isPerTensor = scheme.weights === "per tensor";
  const groups = isPerTensor ? [[...magnitudes.keys()]] : [...magnitudes.keys()].map((place) => [place]);
  const sums = scheme.activations === "int16" ? sums16 : sums8;
  const [sx, sy] = [input.scales[0] as number, output.scales[0] as number];
  const scales = Float32Array.from(groups, (places) => {
    const weights = places.map((place) => magnitudes[place] as Float32Array);
    const scale = Math.max(greatestOf(weights) / greatestWeight, (sy / sx) * leastMultiplier);
    const products = Math.max(...weights.map((each) => sumOfSteps(each, scale)));
    const room = sums.greatest - spanOf(input) * products;
    if (room <= 0)
      throw new PeaError(
        `the sums of ${named(node)} do not fit in ${sums.type}: it adds up too many products; give it fewer inputs`,
      );
    // A transposed convolution has the biases of all of its groups.
    const own = biases.filter((_, i) => places.includes(i % magnitudes.length));
    const raised = Math.max(scale, greatestOf([own]) / sx / room);
    return scheme.scales === "powers of two" ? powerOfTwoAbove(raised) : raised;
  });
  return {
    weight: quantized(floats, {
      type: "int8",
      scales,
      zeroPoints: new Int32Array(scales.length),
      ...(!isPerTensor && { axis }),
    }),
    bias: quantizedBias(biases, { sx, scales, type: sums.type }),
  };
}

/** What sums are kept in, and how large a sum may become, with some room for rounding. */
const sums8 = { type: "int32", greatest: 2 ** 31 * (1 - 2 ** -10) } as const;
/** Of int64, as much as accelerators add up. */
const sums16 = { type: "int64", greatest: 2 ** 39 } as const;

/** What kernels can multiply a sum by. */
const leastMultiplier = 2 ** -31;

/** |w| of each place along an axis. */
function magnitudesOf({ shape, data }: Constant & { data: Float32Array }, axis: number): Float32Array[] {
  const count = shape[axis] ?? 0;
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const all = Array.from({ length: count }, () => new Float32Array(data.length / count));
  for (let from = 0, to = 0; from < data.length; to += inner)
    for (const magnitudes of all)
      for (let i = 0; i < inner; i++) magnitudes[to + i] = Math.abs(data[from++] as number);
  return all;
}

function greatestOf(values: readonly Float32Array[]): number {
  let most = 0;
  for (const each of values) for (const value of each) most = Math.max(most, Math.abs(value));
  return most;
}

/** Σ |w| of one output, in steps of a scale. */
function sumOfSteps(magnitudes: Float32Array, scale: number): number {
  let sum = 0;
  for (const magnitude of magnitudes) sum += Math.round(magnitude / scale);
  return sum;
}

/** How far an integer can be from the zero point. */
function spanOf({ type, zeroPoints }: Quantization): number {
  const [least, greatest] = boundsOf(type);
  const zero = zeroPoints[0] as number;
  return Math.max(greatest - zero, zero - least);
}

function quantized(floats: Constant, quantization: Quantization): QuantizedConstant {
  return { constant: quantizedConstant(floats, quantization), quantization };
}

/** The products of scales are rounded to float32 only as they are written down. */
function quantizedBias(
  biases: Float32Array,
  { sx, scales, type }: { sx: number; scales: Float32Array; type: "int32" | "int64" },
): QuantizedConstant {
  const scaleOf = (place: number) => sx * (scales[place % scales.length] as number);
  const data = integers(type, biases.length, (i) => roundAway((biases[i] as number) / scaleOf(i)));
  const isPerChannel = scales.length > 1;
  const count = isPerChannel ? biases.length : 1;
  return {
    constant: { shape: [biases.length], data },
    quantization: {
      type,
      scales: Float32Array.from({ length: count }, (_, i) => scaleOf(i)),
      zeroPoints: new Int32Array(count),
      ...(isPerChannel && { axis: 0 }),
    },
  };
}

const named = (node: GraphNode): string => `${node.operator}${at(node.path)}`;
