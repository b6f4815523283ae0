/**
 * Residual branches left out at random; the descriptor.
 *
 * @module
 */
import { z } from "zod";
import { described } from "../../common/settings.ts";
import type { MethodDescriptor } from "../descriptor.ts";

const settings = z.strictObject({
  drop: described(z.number().gt(0).lt(1).default(0.1), {
    help: "probability that the last residual branch is left out of an image's pass; of those before in proportion to their place",
    allowed: "a number above 0 and below 1",
    value: "X",
  }),
});

export const stochasticDepth: MethodDescriptor<typeof settings> = {
  name: "stochastic-depth",
  settings,
  mainSetting: "drop",
  stage: "layers",
  decides: "which residual branches run",
  create: async (settings) => {
    const { StochasticDepthMethod } = await import("./stochastic-depth-method.ts");
    return new StochasticDepthMethod(settings);
  },
};
