/**
 * Images that operations drawn at random have changed; the descriptor.
 *
 * @module
 */
import { z } from "zod";
import { countFrom, described } from "../../common/settings.ts";
import type { MethodDescriptor } from "../descriptor.ts";

const settings = z.strictObject({
  operations: countFrom(1, 2, "operations on an image, one after the other"),
  magnitude: described(z.int().min(0).max(30).default(9), {
    help: "strength of the operations, from 0 to 30",
    allowed: "a whole number from 0 to 30",
    value: "N",
  }),
});

export const randaugment: MethodDescriptor<typeof settings> = {
  name: "randaugment",
  settings,
  mainSetting: "magnitude",
  stage: "images",
  create: async (settings) => {
    const { RandAugmentMethod } = await import("./randaugment-method.ts");
    return new RandAugmentMethod(settings);
  },
};
