/**
 * Mixtures computed in JavaScript, one pass over the elements: for backends whose tensors lie in the host's memory.
 *
 * @module
 */
import { activations, stochasticMask } from "@pea/core";
import * as tf from "@tensorflow/tfjs";
import type { Elementwise, Mixture, TargetName } from "./elementwise.ts";

type RealFunction = (x: number) => number;

const { relu } = activations;

/** ReLU6's derivative is 0 at 6, as tfjs computes it for the activation `relu6`. */
const targets: Readonly<Record<TargetName, { f: RealFunction; df: RealFunction }>> = {
  relu,
  relu6: {
    f: (x) => Math.min(relu.f(x), 6),
    df: (x) => (x >= 6 ? 0 : relu.df(x)),
  },
};

/** In float64, by @pea/core's own formulas, rounded to float32 once. */
export const onHost: Elementwise = {
  value(x, mixture) {
    const { target, smooth } = mixture;
    return tf.tensor(mix(x.dataSync(), targets[target].f, activations[smooth].f, mixture), x.shape);
  },
  gradient(x, dy, mixture) {
    const { target, smooth } = mixture;
    const slopes = mix(x.dataSync(), targets[target].df, activations[smooth].df, mixture);
    const arriving = dy.dataSync();
    for (let i = 0; i < slopes.length; i++) slopes[i] = (slopes[i] as number) * (arriving[i] as number);
    return tf.tensor(slopes, x.shape);
  },
};

function mix(
  x: ArrayLike<number>,
  target: RealFunction,
  smooth: RealFunction,
  { ensemble, alpha, ...key }: Mixture,
): Float32Array {
  const out = new Float32Array(x.length);
  if (alpha === 0) for (let i = 0; i < out.length; i++) out[i] = smooth(x[i] as number);
  else if (alpha === 1) for (let i = 0; i < out.length; i++) out[i] = target(x[i] as number);
  else if (ensemble === "weighted")
    for (let i = 0; i < out.length; i++)
      out[i] = alpha * target(x[i] as number) + (1 - alpha) * smooth(x[i] as number);
  else {
    const mask = stochasticMask(out.length, alpha, key);
    for (let i = 0; i < out.length; i++) out[i] = mask[i] ? target(x[i] as number) : smooth(x[i] as number);
  }
  return out;
}
