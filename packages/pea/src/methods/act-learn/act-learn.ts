/**
 * A second layer behind convolutions, merged once the activation between them is the identity; the descriptor.
 *
 * @module
 */
import { z } from "zod";
import { duration } from "../../common/settings.ts";
import type { MethodDescriptor } from "../descriptor.ts";

const settings = z.strictObject({
  end: duration("75%", "when the activation between the two layers has become the identity"),
});

export const actLearn: MethodDescriptor<typeof settings> = {
  name: "act-learn",
  settings,
  mainSetting: "end",
  stage: "layers",
  decides: "what convolutions are made of",
  excludes: { quantize: "what is rounded are the merged layers, which come after training" },
  create: async ({ end }) => {
    const { ActLearnMethod } = await import("./act-learn-method.ts");
    return new ActLearnMethod({ end });
  },
};
