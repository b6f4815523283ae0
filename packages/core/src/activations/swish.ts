import type { SmoothActivation } from "./activation.ts";
import { logistic } from "./logistic.ts";

/** Swish with β = 1 (SiLU): f(x) = x·σ(x); f′(x) = σ(x)·(1 + x·(1 − σ(x))), where σ is the logistic function. */
export const swish: SmoothActivation = {
  name: "swish",
  title: "Swish",
  aliases: ["silu"],
  letter: "S",
  f(x) {
    if (x === Number.NEGATIVE_INFINITY) return -0;
    return x * logistic(x);
  },
  df(x) {
    if (Math.abs(x) === Number.POSITIVE_INFINITY) return x > 0 ? 1 : 0;
    // σ(−x) is 1 − σ(x) without the cancellation.
    return logistic(x) * (1 + x * logistic(-x));
  },
};
