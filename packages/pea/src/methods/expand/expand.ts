/**
 * Convolutions that train as a product of three; the descriptor.
 *
 * @module
 */
import { z } from "zod";
import { countFrom } from "../../common/settings.ts";
import type { MethodDescriptor } from "../descriptor.ts";

const settings = z.strictObject({
  rate: countFrom(
    1,
    4,
    "channels between the three convolutions of a product, as a multiple of the plain one's",
  ),
});

export const expand: MethodDescriptor<typeof settings> = {
  name: "expand",
  settings,
  mainSetting: "rate",
  stage: "layers",
  decides: "what convolutions are made of",
  excludes: { lookahead: "the product of slow factors is not the slow product" },
  create: async (settings) => {
    const { ExpandMethod } = await import("./expand-method.ts");
    return new ExpandMethod(settings);
  },
};
