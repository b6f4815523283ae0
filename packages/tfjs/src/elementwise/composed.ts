/**
 * Mixtures composed of tfjs's own operators: for every backend that has nothing better.
 *
 * @module
 */
import { stochasticMask } from "@pea/core";
import * as tf from "@tensorflow/tfjs";
import type { Elementwise, Mixture, SmoothName, TargetName } from "./elementwise.ts";

type Operator = (x: tf.Tensor) => tf.Tensor;

/** f and f′. */
interface Formula {
  readonly f: Operator;
  readonly df: Operator;
}

/** Φ(x), the standard normal distribution. */
const normalCdf: Operator = (x) => tf.mul(0.5, tf.add(1, tf.erf(tf.div(x, Math.SQRT2))));
/** φ(x), its density. */
const normalPdf: Operator = (x) => tf.mul(1 / Math.sqrt(2 * Math.PI), tf.exp(tf.mul(-0.5, tf.square(x))));
/** 1 where x > 0, else 0. */
const isPositive: Operator = (x) => tf.cast(tf.greater(x, 0), "float32");

const smooths: Readonly<Record<SmoothName, Formula>> = {
  gelu: {
    f: (x) => tf.mul(x, normalCdf(x)),
    df: (x) => tf.add(normalCdf(x), tf.mul(x, normalPdf(x))),
  },
  swish: {
    f: (x) => tf.mul(x, tf.sigmoid(x)),
    df: (x) => tf.mul(tf.sigmoid(x), tf.add(1, tf.mul(x, tf.sigmoid(tf.neg(x))))),
  },
  mish: {
    f: (x) => tf.mul(x, tf.tanh(tf.softplus(x))),
    df(x) {
      const tau = tf.tanh(tf.softplus(x));
      return tf.add(tau, tf.mul(x, tf.mul(tf.sigmoid(x), tf.sub(1, tf.square(tau)))));
    },
  },
  elu: {
    f: (x) => tf.elu(x),
    df: (x) => tf.exp(tf.minimum(x, 0)),
  },
};

const targets: Readonly<Record<TargetName, Formula>> = {
  relu: { f: (x) => tf.relu(x), df: isPositive },
  relu6: {
    f: (x) => tf.relu6(x),
    df: (x) => tf.mul(isPositive(x), tf.cast(tf.less(x, 6), "float32")),
  },
};

/** In float32, several passes each way. */
export const composed: Elementwise = {
  value: (x, mixture) => tf.tidy(() => mix(x, "f", mixture)),
  gradient: (x, dy, mixture) => tf.tidy(() => tf.mul(dy, mix(x, "df", mixture))),
};

function mix(x: tf.Tensor, what: "f" | "df", mixture: Mixture): tf.Tensor {
  const { ensemble, alpha, ...key } = mixture;
  const target = () => targets[mixture.target][what](x);
  const smooth = () => smooths[mixture.smooth][what](x);
  if (alpha === 0) return smooth();
  if (alpha === 1) return target();
  if (ensemble === "weighted") return tf.add(tf.mul(alpha, target()), tf.mul(1 - alpha, smooth()));
  return tf.where(maskLike(x, alpha, key), target(), smooth());
}

/** The mask in the shape of x, true where the target is taken. */
export function maskLike(
  x: tf.Tensor,
  alpha: number,
  key: Pick<Mixture, "seed" | "site" | "step">,
): tf.Tensor {
  return tf.tensor(stochasticMask(x.size, alpha, key), x.shape, "bool");
}
