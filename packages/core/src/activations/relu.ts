import type { Activation } from "./activation.ts";

/** ReLU: f(x) = max(x, 0); f′(x) = 1 for x > 0, else 0, at 0 too. */
export const relu: Activation = {
  name: "relu",
  title: "ReLU",
  f: (x) => Math.max(x, 0),
  df(x) {
    if (Number.isNaN(x)) return x;
    return x > 0 ? 1 : 0;
  },
};
