/**
 * Averaged weights; the descriptor.
 *
 * @module
 */
import { z } from "zod";
import { share, toggle } from "../../common/settings.ts";
import type { MethodDescriptor } from "../descriptor.ts";

const settings = z.strictObject({
  decay: share(0.9999, "what the average keeps of itself at each step, at most"),
  warmup: toggle(true, "begin with a smaller decay, so that the first weights are soon forgotten"),
});

export const ema: MethodDescriptor<typeof settings> = {
  name: "ema",
  settings,
  mainSetting: "decay",
  stage: "weights",
  decides: "which weights are deployed",
  create: async (settings) => {
    const { EmaMethod } = await import("./ema-method.ts");
    return new EmaMethod(settings);
  },
};
