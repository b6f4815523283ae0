/**
 * The mean of the weights of the last epochs; the descriptor.
 *
 * @module
 */
import { z } from "zod";
import { countFrom, duration } from "../../common/settings.ts";
import type { MethodDescriptor } from "../descriptor.ts";

const settings = z.strictObject({
  start: duration("75%", "when weights begin to count"),
  every: duration("1ep", "how long it is from one set of weights that counts to the next"),
  reestimate: countFrom(
    0,
    100,
    "training batches that batch norm's statistics are computed anew from for the mean; 0: means of theirs",
  ),
});

export const swa: MethodDescriptor<typeof settings> = {
  name: "swa",
  settings,
  mainSetting: "start",
  stage: "weights",
  decides: "which weights are deployed",
  create: async (settings) => {
    const { SwaMethod } = await import("./swa-method.ts");
    return new SwaMethod(settings);
  },
};
