import type { SmoothActivation } from "./activation.ts";
import { normalCdf, normalPdf } from "./normal.ts";

/**
 * GELU in its exact (erf) form: f(x) = x·Φ(x) = ½·x·(1 + erf(x/√2)); f′(x) = Φ(x) + x·φ(x), where Φ and φ are the
 * standard normal distribution and density.
 */
export const gelu: SmoothActivation = {
  name: "gelu",
  title: "GELU",
  letter: "G",
  f(x) {
    if (x === Number.NEGATIVE_INFINITY) return -0;
    return x * normalCdf(x);
  },
  df(x) {
    if (Math.abs(x) === Number.POSITIVE_INFINITY) return x > 0 ? 1 : 0;
    return normalCdf(x) + x * normalPdf(x);
  },
};
