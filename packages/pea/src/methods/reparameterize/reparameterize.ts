/**
 * Branches beside convolutions, merged in the end; the descriptor.
 *
 * @module
 */
import { z } from "zod";
import { described, numberFrom } from "../../common/settings.ts";
import type { MethodDescriptor } from "../descriptor.ts";

const settings = z.strictObject({
  copies: described(z.int().min(1).max(8).default(1), {
    help: "convolutions of the layer's own size side by side, itself among them; 1: as RepVGG, more: as MobileOne",
    allowed: "a whole number from 1 to 8",
    value: "N",
  }),
  gamma: numberFrom(
    0,
    1,
    "γ of the branches' batch norms at first; 0: the network begins as it is, for weights that are trained already",
  ),
});

export const reparameterize: MethodDescriptor<typeof settings> = {
  name: "reparameterize",
  settings,
  mainSetting: "copies",
  stage: "layers",
  decides: "what convolutions are made of",
  excludes: { quantize: "what is rounded are the merged layers, which come after training" },
  create: async (settings) => {
    const { ReparameterizeMethod } = await import("./reparameterize-method.ts");
    return new ReparameterizeMethod(settings);
  },
};
