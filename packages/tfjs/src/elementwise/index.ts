import * as tf from "@tensorflow/tfjs";
import { composed } from "./composed.ts";
import type { Elementwise, Mixture } from "./elementwise.ts";
import { onHost } from "./on-host.ts";
import { onWebGL } from "./webgl.ts";

export { type Mixture, type SmoothName, smoothNames, type TargetName } from "./elementwise.ts";

/** Backends that compute better than by tfjs's operators. */
const backends: Readonly<Record<string, Elementwise>> = {
  cpu: onHost,
  wasm: onHost,
  tensorflow: onHost,
  webgl: onWebGL,
};

/**
 * A mixture of an activation and its smooth companion at x, element by element, on whatever backend is in use.
 * Differentiable once; keeps x alone for the backward pass, where masks are drawn again.
 *
 * @param x any shape, float32
 * @returns the shape of x
 */
export function mixture(x: tf.Tensor, options: Mixture): tf.Tensor {
  const { value, gradient } = backends[tf.getBackend()] ?? composed;
  const compute = tf.customGrad((input, save) => {
    (save as tf.GradSaveFunc)([input as tf.Tensor]);
    return {
      value: value(input as tf.Tensor, options),
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => gradient(saved as tf.Tensor, dy, options),
    };
  });
  return compute(x);
}
