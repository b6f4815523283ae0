/**
 * A smooth activation, in whose place ReLU is put at one step; the descriptor.
 *
 * @module
 */
import { z } from "zod";
import { DURATION, described, durationSchema } from "../../common/settings.ts";
import { activationNames, activationSchema } from "../activation/activation.ts";
import type { MethodDescriptor } from "../descriptor.ts";

const settings = z.strictObject({
  activation: described(activationSchema, {
    help: `the activation before the swap: ${activationNames()}`,
    get allowed() {
      return `a smooth one of ${activationNames()}, or one that an imported module registers`;
    },
    value: "NAME",
  }),
  at: described(durationSchema, {
    help: "when ReLU takes its place; 100%: after the last step",
    allowed: DURATION,
    value: "DURATION",
  }),
});

export const swap: MethodDescriptor<typeof settings> = {
  name: "swap",
  settings,
  stage: "network",
  decides: "which activation runs",
  title: ({ activation, at }) => `${activation}, ReLU from ${at}${/\d$/.test(String(at)) ? "ep" : ""}`,
  create: async ({ activation, at }) => {
    const { SwapMethod } = await import("./swap-method.ts");
    return new SwapMethod({ smooth: activation, at });
  },
};
