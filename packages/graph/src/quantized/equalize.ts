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
  const nodes = new Set(pairs.flatMap(({ first, second }) => [first, second]));
  const layers = new Map([...nodes].map((node) => [node, new ScaledLayer(node, graph)]));
  const layerOf = (node: GraphNode) => layers.get(node) as ScaledLayer;
  for (let round = 0; round < rounds; round++)
    for (const { first, second } of pairs) equalizePair(layerOf(first), layerOf(second));
  const scaled = [...layers.values()].flatMap((layer) => layer.constants());
  return { ...graph, constants: new Map([...graph.constants, ...scaled]) };
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

function equalizePair(first: ScaledLayer, second: ScaledLayer): void {
  const [given, taken] = [first.greatestGiven(), second.greatestTaken()];
  for (let channel = 0; channel < given.length; channel++) {
    const [r1 = 0, r2 = 0] = [given[channel], taken[channel]];
    if (r1 === 0 || r2 === 0) continue;
    const factor = Math.sqrt(r1 / r2);
    first.given[channel] = (first.given[channel] as number) / factor;
    second.taken[channel] = (second.taken[channel] as number) * factor;
  }
}

/** A layer whose weights are to be multiplied, by factors of the channels that it gives and of those that it takes. */
class ScaledLayer {
  readonly given: Float64Array;
  readonly taken: Float64Array;
  readonly #node: GraphNode;
  readonly #graph: Graph;
  /** Of each place along the weight's first two axes: the greatest |w|, and its channels. */
  readonly #greatest: Float64Array;
  readonly #givenOf: Int32Array;
  readonly #takenOf: Int32Array;
  /** Weights of a place. */
  readonly #inner: number;

  constructor(node: GraphNode, graph: Graph) {
    this.#node = node;
    this.#graph = graph;
    const { shape, data } = constantOf(graph, node.inputs[1] ?? "");
    const [first = 1, second = 1] = shape;
    const takenOf = inputChannelOf(node, shape);
    const isFirst = outputAxis(node) === 0;
    const places = first * second;
    this.#inner = data.length / places;
    this.#greatest = new Float64Array(places);
    for (let place = 0, i = 0; place < places; place++) {
      let most = 0;
      for (const end = i + this.#inner; i < end; i++) most = Math.max(most, Math.abs(data[i] as number));
      this.#greatest[place] = most;
    }
    this.#givenOf = new Int32Array(places);
    this.#takenOf = new Int32Array(places);
    let taken = 0;
    for (let row = 0, place = 0; row < first; row++)
      for (let column = 0; column < second; column++, place++) {
        const channel = takenOf(row, column);
        this.#givenOf[place] = isFirst ? row : column;
        this.#takenOf[place] = channel;
        taken = Math.max(taken, channel + 1);
      }
    this.given = new Float64Array(isFirst ? first : second).fill(1);
    this.taken = new Float64Array(taken).fill(1);
  }

  /** The greatest |w| of each channel that it gives. */
  greatestGiven(): Float64Array {
    return this.#greatestBy(this.#givenOf, this.given.length);
  }

  /** The same of each that it takes. */
  greatestTaken(): Float64Array {
    return this.#greatestBy(this.#takenOf, this.taken.length);
  }

  #greatestBy(channelOf: Int32Array, count: number): Float64Array {
    const greatest = new Float64Array(count);
    const [weights, factorOf] = [this.#greatest, this.#factors()];
    for (let place = 0; place < channelOf.length; place++) {
      const weight = (weights[place] as number) * factorOf(place);
      const channel = channelOf[place] as number;
      if (weight > (greatest[channel] as number)) greatest[channel] = weight;
    }
    return greatest;
  }

  /** What the weights of a place are multiplied by. */
  #factors(): (place: number) => number {
    const { given, taken } = this;
    const [givenOf, takenOf] = [this.#givenOf, this.#takenOf];
    return (place) =>
      (given[givenOf[place] as number] as number) * (taken[takenOf[place] as number] as number);
  }

  /** Its weight and its bias, multiplied. */
  constants(): [name: string, Constant][] {
    const [, weight = "", bias = ""] = this.#node.inputs;
    const { shape, data } = constantOf(this.#graph, weight);
    const [inner, factorOf] = [this.#inner, this.#factors()];
    const scaled = new Float32Array(data.length);
    for (let place = 0, i = 0; i < data.length; place++) {
      const factor = factorOf(place);
      for (const end = i + inner; i < end; i++) scaled[i] = (data[i] as number) * factor;
    }
    return [
      [weight, { shape, data: scaled }],
      [bias, scaledAlong(constantOf(this.#graph, bias), 0, this.given)],
    ];
  }
}

function constantOf(graph: Graph, name: string): Constant & { data: Float32Array } {
  return { shape: graph.constants.get(name)?.shape ?? [], data: floatsOf(graph, name) };
}

/** Which channel of its input a weight of a layer multiplies, by its place along the weight's first two axes. */
function inputChannelOf(
  { operator, attributes }: GraphNode,
  [outputs = 1, inputs = 1]: readonly number[],
): (first: number, second: number) => number {
  if (operator === "ConvTranspose") return (channel) => channel;
  const perGroup = outputs / Number(attributes.group ?? 1);
  return (output, channel) => Math.floor(output / perGroup) * inputs + channel;
}
