/**
 * Slow weights that follow the trained ones; the descriptor.
 *
 * @module
 */
import { z } from "zod";
import { countFrom, described } from "../../common/settings.ts";
import type { MethodDescriptor } from "../descriptor.ts";

const settings = z.strictObject({
  steps: countFrom(1, 5, "steps of the optimizer to one of the slow weights"),
  rate: described(z.number().positive().max(1).default(0.5), {
    help: "how far the slow weights go to the trained ones; 1: all the way, which is training as usual",
    allowed: "a number above 0 and up to 1",
    value: "X",
  }),
});

export const lookahead: MethodDescriptor<typeof settings> = {
  name: "lookahead",
  settings,
  mainSetting: "steps",
  stage: "weights",
  create: async (settings) => {
    const { LookaheadMethod } = await import("./lookahead-method.ts");
    return new LookaheadMethod(settings);
  },
};
