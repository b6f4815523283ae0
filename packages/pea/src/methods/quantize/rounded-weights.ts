/**
 * Weights as their integers will stand for them.
 *
 * @module
 */
import {
  type Graph,
  type GraphNode,
  greatestWeight,
  inferShapes,
  isStill,
  normParts,
  outputAxis,
  powerOfTwoAbove,
  type Scheme,
} from "@pea/graph";
import { abs, amax, fakeQuantizePerChannel, type Tensor, tensor, zeros } from "@pea/torch";

/** Channels of a batch normalization, which multiplies each by γ / √(variance + ε): state-dict keys, and the first channel. */
export interface NormChannels {
  readonly weight: string;
  readonly variance: string;
  readonly epsilon: number;
  readonly from: number;
}

/** A layer's weight, and the batch normalization that will be folded into it. */
export interface LayerWeight {
  /** State-dict key. */
  readonly key: string;
  /** The axis that its outputs lie along. */
  readonly axis: number;
  readonly norm?: NormChannels;
}

/** A batch normalization that no layer before it takes in: its factors become the weight of a layer of their own. */
export interface LoneNorm extends NormChannels {
  readonly count: number;
}

/** What is rounded of a graph's parameters. */
export interface RoundedParameters {
  /** Of layers, each once. */
  readonly weights: readonly LayerWeight[];
  readonly norms: readonly LoneNorm[];
}

/**
 * The parameters of a graph that become integers, batch norms where `prepare` of @pea/graph brings them (`normParts`): into the layer
 * before them, through a concatenation into each layer that it joins; the rest becomes a convolution of each channel by itself. With a scale for each output that may be any number, these two change nothing: it is as many times as large as the
 * factor.
 */
export function roundedParameters(graph: Graph, { weights: scale, scales }: Scheme): RoundedParameters {
  const anyScale = scale === "per channel" && scales !== "powers of two";
  const shapes = inferShapes(graph);
  const folded = new Map<GraphNode, NormChannels>();
  const norms: LoneNorm[] = [];
  for (const { norm, concat, input, from, count, layer } of normParts(graph)) {
    if (anyScale && (concat !== undefined || layer === undefined)) continue;
    const [, weight = "", , , variance = ""] = norm.inputs;
    const channels = { weight, variance, epsilon: Number(norm.attributes.epsilon ?? 1e-5), from };
    if (layer !== undefined) folded.set(layer, channels);
    else if ((shapes.get(input)?.length ?? 0) > 2) norms.push({ ...channels, count });
  }
  const weights = new Map<string, LayerWeight>();
  for (const node of graph.nodes) {
    const axis = outputAxis(node);
    if (axis === undefined) continue;
    const [, key = ""] = node.inputs;
    const norm = folded.get(node);
    weights.set(key, { key, axis, ...(norm && { norm }) });
  }
  return { weights: [...weights.values()], norms };
}

/**
 * The weight as its integers stand for it: symmetric, by the greatest of each output's weights or of all of them.
 *
 * What will be rounded is the weight times batch norm's factor g = γ / √(variance + ε), whose scale for output c is sc. With
 * the scale sc / |gc| the weight before it is rounded to just that, divided by g.
 *
 * @param state parameters and buffers by key
 */
export function roundedWeight(
  { key, axis, norm }: LayerWeight,
  state: ReadonlyMap<string, Tensor>,
  scheme: Scheme,
): Tensor {
  const weight = state.get(key) as Tensor;
  const others = [...weight.shape.keys()].filter((dim) => dim !== axis);
  const greatest = amax(abs(weight), { dim: others }).toTypedArray() as Float32Array;
  const factors = norm ? factorsOf({ ...norm, count: greatest.length }, state) : null;
  const scales = weightScales(greatest, factors, scheme);
  const zeroPoints = zeros([scales.length], { dtype: "int32" });
  return fakeQuantizePerChannel(weight, tensor(scales), zeroPoints, {
    dim: axis,
    min: -greatestWeight,
    max: greatestWeight,
  });
}

/**
 * γ of a batch normalization with which the factors of some of its channels are those that integers stand for.
 *
 * @param gamma of all of its channels
 */
export function roundedGamma(
  gamma: Tensor,
  norm: LoneNorm,
  state: ReadonlyMap<string, Tensor>,
  scheme: Scheme,
): Tensor {
  const factors = factorsOf(norm, state);
  const scales = weightScales(factors, null, scheme);
  const rounded = gamma.toTypedArray() as Float32Array;
  factors.forEach((factor, c) => {
    const scale = scales[c] as number;
    const place = norm.from + c;
    if (factor > 0)
      rounded[place] = ((rounded[place] as number) * Math.round(factor / scale) * scale) / factor;
  });
  return tensor(rounded);
}

/** |γ| / √(variance + ε) of each channel, 0 of one that never changes: its weights become 0. */
function factorsOf(
  { weight, variance, epsilon, from, count }: LoneNorm,
  state: ReadonlyMap<string, Tensor>,
): Float32Array {
  const values = (name: string) =>
    ((state.get(name) as Tensor).toTypedArray() as Float32Array).subarray(from, from + count);
  const variances = values(variance);
  return values(weight).map((factor, c) => {
    const spread = variances[c] as number;
    return isStill(spread, epsilon) ? 0 : Math.abs(factor) / Math.sqrt(spread + epsilon);
  });
}

/**
 * Scales of a weight for each of its outputs.
 *
 * @param greatest |w| of each output's weights, at most
 * @param factors what each output is multiplied by later, at least 0; null: nothing
 */
export function weightScales(
  greatest: Float32Array,
  factors: Float32Array | null,
  { weights, scales }: Scheme,
): Float32Array {
  const own = greatest.map((most) => (most > 0 ? most : 1) / greatestWeight);
  const factorOf = (c: number) => (factors === null ? 1 : (factors[c] as number));
  const folded = own.map((scale, c) => (greatest[c] === 0 ? 0 : scale * factorOf(c)));
  const common = folded.reduce((a, b) => Math.max(a, b), 0);
  return own.map((scale, c) => {
    const wanted = weights === "per tensor" ? common : (folded[c] as number);
    // A dead output: whatever its scale, nothing comes of it.
    if (wanted === 0 || factorOf(c) === 0) return scale;
    return (scales === "powers of two" ? powerOfTwoAbove(wanted) : wanted) / factorOf(c);
  });
}
