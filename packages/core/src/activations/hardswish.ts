import type { SmoothActivation } from "./activation.ts";

/**
 * Hardswish (MobileNetV3): f(x) = x·min(max(x + 3, 0), 6)/6; f′(x) = (2x + 3)/6 between −3 and 3, where it jumps to 0 and
 * to 1.
 */
export const hardswish: SmoothActivation = {
  name: "hardswish",
  title: "Hardswish",
  letter: "H",
  f(x) {
    if (x <= -3) return -0;
    return x >= 3 ? x : (x * (x + 3)) / 6;
  },
  df(x) {
    if (x <= -3) return 0;
    return x >= 3 ? 1 : (2 * x + 3) / 6;
  },
};
