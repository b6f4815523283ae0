/**
 * Images with a rectangle of another, and both labels; the descriptor.
 *
 * @module
 */
import { z } from "zod";
import { described } from "../../common/settings.ts";
import type { MethodDescriptor } from "../descriptor.ts";

const settings = z.strictObject({
  alpha: described(z.number().positive().default(1), {
    help: "the share of the image itself is drawn of Beta(alpha, alpha): 1 is uniform",
    allowed: "a number above 0",
    value: "X",
  }),
  probability: described(z.number().positive().max(1).default(1), {
    help: "share of the steps whose images are mixed",
    allowed: "a number above 0 and up to 1",
    value: "X",
  }),
});

export const cutmix: MethodDescriptor<typeof settings> = {
  name: "cutmix",
  settings,
  mainSetting: "alpha",
  stage: "batch",
  decides: "how images and labels are mixed",
  create: async (settings) => {
    const { CutMixMethod } = await import("./cutmix-method.ts");
    return new CutMixMethod(settings);
  },
};
