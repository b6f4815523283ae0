/**
 * Weights as their integers will stand for them.
 *
 * @module
 */
import { type Graph, greatestWeight, outputAxis, powerOfTwoAbove, readersOf, type Scheme } from "@pea/graph";
import { abs, amax, fakeQuantizePerChannel, type Tensor, tensor, zeros } from "@pea/torch";

/** A layer's weight, and the batch normalization that will be folded into it. */
export interface LayerWeight {
  /** State-dict key. */
  readonly key: string;
  /** The axis that its outputs lie along. */
  readonly axis: number;
  readonly norm?: { readonly weight: string; readonly variance: string; readonly epsilon: number };
}

/** The weights of a graph's layers, each once. */
export function layerWeights(graph: Graph): LayerWeight[] {
  const readers = readersOf(graph);
  const found = new Map<string, LayerWeight>();
  for (const node of graph.nodes) {
    const axis = outputAxis(node);
    const [, key = ""] = node.inputs;
    const [output = ""] = node.outputs;
    if (axis === undefined) continue;
    const [norm, ...others] = readers.get(output) ?? [];
    const isFolded = norm?.operator === "BatchNormalization" && others.length === 0;
    const [, weight = "", , , variance = ""] = isFolded ? norm.inputs : [];
    const epsilon = Number(norm?.attributes.epsilon ?? 1e-5);
    found.set(key, { key, axis, ...(isFolded && { norm: { weight, variance, epsilon } }) });
  }
  return [...found.values()];
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
  const scales = weightScales(greatest, norm ? factorsOf(norm, state) : null, scheme);
  const zeroPoints = zeros([scales.length], { dtype: "int32" });
  return fakeQuantizePerChannel(weight, tensor(scales), zeroPoints, {
    dim: axis,
    min: -greatestWeight,
    max: greatestWeight,
  });
}

function factorsOf(
  { weight, variance, epsilon }: NonNullable<LayerWeight["norm"]>,
  state: ReadonlyMap<string, Tensor>,
): Float32Array {
  const values = (name: string) => (state.get(name) as Tensor).toTypedArray() as Float32Array;
  const variances = values(variance);
  return values(weight).map((factor, c) => Math.abs(factor) / Math.sqrt((variances[c] as number) + epsilon));
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
