/**
 * What the first part draws: an ensemble and its derivative over an interval.
 *
 * @module
 */
import { activations, type Ensemble, type SmoothName, stochasticMask } from "@pea/core";
import type { Series } from "../chart.ts";

export interface Mixture {
  readonly smooth: SmoothName;
  readonly ensemble: Ensemble;
  readonly alpha: number;
  /** Of Swish alone, x·σ(βx). */
  readonly beta: number;
}

export const interval = [-4, 4] as const;
const COUNT = 321;

/** The curves of value and derivative: ReLU, the smooth activation, and the ensemble, drawn or as its mean. */
export function curvesOf(mixture: Mixture): { value: Series[]; derivative: Series[] } {
  return { value: series(mixture, "f"), derivative: series(mixture, "df") };
}

function series({ smooth, ensemble, alpha, beta }: Mixture, what: "f" | "df"): Series[] {
  const act = smooth === "swish" ? swish(beta)[what] : activations[smooth][what];
  const relu = activations.relu[what];
  const xs = Array.from(
    { length: COUNT },
    (_, i) => interval[0] + ((interval[1] - interval[0]) * i) / (COUNT - 1),
  );
  const line = (f: (x: number) => number) => xs.map((x) => [x, f(x)] as const);
  const mean = (x: number) =>
    alpha === 0 ? act(x) : alpha === 1 ? relu(x) : alpha * relu(x) + (1 - alpha) * act(x);
  const mask = stochasticMask(COUNT, alpha, { seed: 0, site: 0, step: 0 });
  const drawn = xs.map((x, i) => [x, mask[i] ? relu(x) : act(x)] as const);
  return [
    { name: "ReLU", look: "relu", points: line(relu) },
    { name: "smooth", look: "smooth", points: line(act) },
    ...(ensemble === "stochastic"
      ? [{ name: "draws", look: "pea", points: drawn, isDots: true } as const]
      : []),
    { name: ensemble === "stochastic" ? "mean" : "ensemble", look: "pea", points: line(mean) },
  ];
}

/** x·σ(βx) and its derivative σ + βx·σ·(1 − σ). */
function swish(beta: number) {
  const logistic = (x: number) => 1 / (1 + Math.exp(-beta * x));
  return {
    f: (x: number) => x * logistic(x),
    df: (x: number) => logistic(x) + beta * x * logistic(x) * (1 - logistic(x)),
  };
}
