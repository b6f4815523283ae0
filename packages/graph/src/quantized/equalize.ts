/**
 * Layers whose channels have weights of like size, so that one scale serves all of them.
 *
 * ReLU lets factors pass: relu(s · x) = s · relu(x) for s > 0. So what a layer gives in a channel may be made s times as small
 * if the next layer weighs that channel s times as much. With s = √(r₁ / r₂), of the greatest weights on both sides, both
 * become √(r₁ · r₂).
 *
 * @see Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019, section 4.1
 * @module
 */
import { type Constant, floatsOf, type Graph, type GraphNode, readersOf, type Shape } from "../graph.ts";
import { inferShapes } from "../infer-shapes.ts";
import { outputAxis, scaledAlong } from "../weights.ts";

/** A layer, and the one that alone reads what it gives. */
interface Pair {
  readonly first: GraphNode;
  readonly second: GraphNode;
}

/** The greatest weights settle in a few rounds, each of which moves them on by a layer. */
const rounds = 20;

/**
 * Computes the same, but for rounding, with channels equalized between layers that follow each other, with nothing but ReLU
 * and pooling in between. Layers that share weights, and groups of transposed convolutions, stay.
 *
 * @param graph as `prepare` makes it
 */
export function equalize(graph: Graph): Graph {
  const pairs = pairsOf(graph);
  const constants = new Map(graph.constants);
  for (let round = 0; round < rounds; round++)
    for (const pair of pairs) equalizePair({ ...graph, constants }, pair, constants);
  return { ...graph, constants };
}

function pairsOf(graph: Graph): Pair[] {
  const readers = readersOf(graph);
  const shapes = inferShapes(graph);
  const isOwn = ({ inputs }: GraphNode) => inputs.slice(1).every((name) => readers.get(name)?.length === 1);
  return graph.nodes.flatMap((first) => {
    const second = isLayer(first) && isOwn(first) ? nextLayer(first) : undefined;
    return second !== undefined && isOwn(second) ? [{ first, second }] : [];
  });

  function nextLayer({ outputs: [output = ""] }: GraphNode): GraphNode | undefined {
    const [next, ...others] = readers.get(output) ?? [];
    if (next === undefined || others.length > 0 || graph.outputs.includes(output)) return undefined;
    if (isLayer(next)) return next;
    return letsFactorsPass(next, shapes.get(output) ?? []) ? nextLayer(next) : undefined;
  }
}

function isLayer(node: GraphNode): boolean {
  const { group = 1 } = node.attributes;
  return outputAxis(node) !== undefined && (node.operator !== "ConvTranspose" || group === 1);
}

/** Whether a factor of a channel is one of its result's, too. */
function letsFactorsPass({ operator }: GraphNode, shape: Shape): boolean {
  if (["Relu", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"].includes(operator))
    return true;
  return operator === "Flatten" && shape.slice(2).every((size) => size === 1);
}

function equalizePair(graph: Graph, { first, second }: Pair, constants: Map<string, Constant>): void {
  const [, weight = "", bias = ""] = first.inputs;
  const [, next = ""] = second.inputs;
  const axis = outputAxis(first) ?? 0;
  const given = greatestOf(constantOf(graph, weight), (place) => place[axis] as number);
  const channelOf = inputChannelOf(second, constantOf(graph, next).shape);
  const taken = greatestOf(constantOf(graph, next), channelOf);
  const factors = given.map((r1, channel) => {
    const r2 = taken[channel] ?? 0;
    return r1 > 0 && r2 > 0 ? Math.sqrt(r1 / r2) : 1;
  });
  const inverse = factors.map((factor) => 1 / factor);
  constants.set(weight, scaledAlong(constantOf(graph, weight), axis, inverse));
  constants.set(bias, scaledAlong(constantOf(graph, bias), 0, inverse));
  constants.set(
    next,
    scaledBy(constantOf(graph, next), (place) => factors[channelOf(place)] as number),
  );
}

function constantOf(graph: Graph, name: string): Constant & { data: Float32Array } {
  return { shape: graph.constants.get(name)?.shape ?? [], data: floatsOf(graph, name) };
}

/** Which channel of its input a weight of a layer multiplies, by its place along the weight's first two axes. */
function inputChannelOf(
  { operator, attributes }: GraphNode,
  [outputs = 1, inputs = 1]: readonly number[],
): (place: Place) => number {
  if (operator === "ConvTranspose") return ([channel]) => channel;
  const perGroup = outputs / Number(attributes.group ?? 1);
  return ([output, channel]) => Math.floor(output / perGroup) * inputs + channel;
}

type Place = readonly [first: number, second: number];

/** Where an element lies along the first two axes. */
function placesOf(shape: readonly number[]): (i: number) => Place {
  const [, second = 1] = shape;
  const inner = shape.slice(2).reduce((a, b) => a * b, 1);
  return (i) => [Math.floor(i / inner / second), Math.floor(i / inner) % second];
}

/** The greatest |w| of each channel. */
function greatestOf({ shape, data }: Constant, channelOf: (place: Place) => number): number[] {
  const placeOf = placesOf(shape);
  const greatest: number[] = [];
  for (let i = 0; i < data.length; i++) {
    const channel = channelOf(placeOf(i));
    greatest[channel] = Math.max(greatest[channel] ?? 0, Math.abs(Number(data[i])));
  }
  return greatest;
}

function scaledBy({ shape, data }: Constant, factorOf: (place: Place) => number): Constant {
  const placeOf = placesOf(shape);
  return { shape, data: Float32Array.from(data as Float32Array, (value, i) => value * factorOf(placeOf(i))) };
}
