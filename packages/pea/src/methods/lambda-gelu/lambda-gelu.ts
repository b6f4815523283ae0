/**
 * GELU that hardens into ReLU; the descriptor.
 *
 * @module
 */
import { z } from "zod";
import { DURATION, described, duration, durationSchema } from "../../common/settings.ts";
import type { MethodDescriptor } from "../descriptor.ts";

const settings = z.strictObject({
  end: duration("75%", "when ReLU takes over"),
  initial: described(durationSchema.optional(), {
    help: "how long it is GELU itself (default: as PEA's initial phase)",
    allowed: DURATION,
    value: "DURATION",
  }),
  hardness: described(z.number().gt(1).default(30), {
    help: "λ in the end, before ReLU takes over",
    allowed: "a number above 1",
    value: "X",
  }),
});

export const lambdaGelu: MethodDescriptor<typeof settings> = {
  name: "lambda-gelu",
  settings,
  mainSetting: "end",
  stage: "network",
  decides: "which activation runs",
  create: async (settings) => {
    const { LambdaGeluMethod } = await import("./lambda-gelu-method.ts");
    return new LambdaGeluMethod(settings);
  },
};
