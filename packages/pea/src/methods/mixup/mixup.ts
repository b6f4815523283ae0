/**
 * Mixed images with two labels; the descriptor.
 *
 * @module
 */
import { z } from "zod";
import { described } from "../../common/settings.ts";
import type { MethodDescriptor } from "../descriptor.ts";

const settings = z.strictObject({
  alpha: described(z.number().positive().default(0.2), {
    help: "the shares of the two images are drawn of Beta(alpha, alpha): 1 is uniform, less leaves images nearer to one of the two",
    allowed: "a number above 0",
    value: "X",
  }),
});

export const mixup: MethodDescriptor<typeof settings> = {
  name: "mixup",
  settings,
  mainSetting: "alpha",
  stage: "batch",
  decides: "how images and labels are mixed",
  create: async (settings) => {
    const { MixupMethod } = await import("./mixup-method.ts");
    return new MixupMethod(settings);
  },
};
