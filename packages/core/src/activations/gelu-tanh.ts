import type { SmoothActivation } from "./activation.ts";
import { logistic } from "./logistic.ts";

/**
 * GELU in its approximation by tanh: f(x) = ½·x·(1 + tanh u) = x·σ(2u), where u = √(2/π)·(x + 0.044715·x³);
 * f′(x) = σ(2u)·(1 + x·σ(−2u)·2u′). In the far tails, where f is e^(2u), 2u costs as many units in the last place.
 */
export const geluTanh: SmoothActivation = {
  name: "gelu-tanh",
  title: "GELU (tanh)",
  letter: "T",
  f(x) {
    if (x === Number.NEGATIVE_INFINITY) return -0;
    return x * logistic(twice(x));
  },
  df(x) {
    // Beyond, σ(2u) is 0 or 1.
    if (Math.abs(x) > 22) return x > 0 ? 1 : 0;
    const rate = FACTOR * (1 + 3 * CUBIC * x * x);
    // σ(−2u) is 1 − σ(2u) without the cancellation.
    return logistic(twice(x)) * (1 + x * logistic(-twice(x)) * rate);
  },
};

/** 2·√(2/π) */
const FACTOR = Math.sqrt(8 / Math.PI);
const CUBIC = 0.044715;

/** 2u */
const twice = (x: number): number => FACTOR * x * (1 + CUBIC * x * x);
