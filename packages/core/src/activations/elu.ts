import type { SmoothActivation } from "./activation.ts";

/** ELU with scale 1: f(x) = x for x > 0, else e^x − 1; f′(x) = 1 for x > 0, else e^x. */
export const elu: SmoothActivation = {
  name: "elu",
  title: "ELU",
  letter: "E",
  f: (x) => (x > 0 ? x : Math.expm1(x)),
  df: (x) => (x > 0 ? 1 : Math.exp(x)),
};
