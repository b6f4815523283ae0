/**
 * The definition of mixtures, element by element in float64, and a comparison with it that runs in browsers too.
 */
import { activations, stochasticMask } from "@pea/core";
import * as tf from "@tensorflow/tfjs";
import type { Mixture, SmoothName, TargetName } from "../../src/elementwise/elementwise.ts";

export const smooths: readonly SmoothName[] = ["gelu", "swish", "mish", "elu"];
const targets: readonly TargetName[] = ["relu", "relu6"];
export const key = { seed: 3, site: 2, step: 17 };

/** Every combination of formulas, at both ends of α and between. */
export const mixtures: readonly Mixture[] = smooths.flatMap((smooth) =>
  targets.flatMap((target) =>
    (["weighted", "stochastic"] as const).flatMap((ensemble) =>
      [0, 0.3, 1].map((alpha) => ({ smooth, target, ensemble, alpha, ...key })),
    ),
  ),
);

const clip = (x: number) => Math.min(Math.max(x, 0), 6);
const formulas = {
  relu: activations.relu,
  relu6: { f: clip, df: (x: number) => (x > 0 && x < 6 ? 1 : 0) },
} as const;

export function expected(
  xs: Float32Array,
  { smooth, target, ensemble, alpha, ...maskKey }: Mixture,
  what: "f" | "df",
): number[] {
  const mask = stochasticMask(xs.length, alpha, maskKey);
  return Array.from(xs, (x, i) => {
    const [kept, gone] = [formulas[target][what](x), activations[smooth][what](x)];
    if (alpha === 0) return gone;
    if (alpha === 1) return kept;
    return ensemble === "weighted" ? alpha * kept + (1 - alpha) * gone : mask[i] ? kept : gone;
  });
}

const special = [
  -1e30, -100, -20, -6, -3.7, -1, -0.01, -1e-8, 0, 1e-8, 0.01, 0.5, 1, 3, 5.999, 6, 6.001, 20, 100, 1e30,
];

/** Points around 0, and `special` ones; thousands where a backend hands small tensors to another. */
export function points(count: number): Float32Array {
  return Float32Array.from([...special, ...Array.from({ length: count }, (_, i) => (10 * i) / count - 5)]);
}

/** What computes a mixture: its value, and dy times its derivative. */
export type Computation = (
  x: tf.Tensor,
  dy: tf.Tensor,
  options: Mixture,
) => [value: tf.Tensor, gradient: tf.Tensor];

/** The largest difference from the definition, relative for values beyond 1; NaN where one is wrong by NaN. */
export async function worstDifference(
  compute: Computation,
  count: number,
): Promise<{ worst: number; at: string }> {
  const xs = points(count);
  const x = tf.tensor1d(xs);
  const dy = tf.linspace(-2, 2, xs.length);
  const arriving = await dy.data();
  let found = { worst: 0, at: "" };
  for (const options of mixtures) {
    const [value, gradient] = compute(x, dy, options);
    const [values, slopes] = [expected(xs, options, "f"), expected(xs, options, "df")];
    const pairs = [
      [await value.data(), values],
      [await gradient.data(), slopes.map((slope, i) => slope * (arriving[i] as number))],
    ] as const;
    for (const [actual, wanted] of pairs)
      for (const [i, at] of xs.entries()) {
        const [a, w] = [actual[i] as number, wanted[i] as number];
        const difference = Math.abs(a - w) / Math.max(1, Math.abs(w));
        if (!(difference <= found.worst))
          found = { worst: difference, at: `${JSON.stringify(options)} at ${at}: ${a}, not ${w}` };
      }
    tf.dispose([value, gradient]);
  }
  tf.dispose([x, dy]);
  return found;
}
