/**
 * ReLU forward, a smooth slope backward; the descriptor.
 *
 * @module
 */
import { smoothActivations, smoothNamed } from "@pea/core";
import { z } from "zod";
import { described } from "../../common/settings.ts";
import type { MethodDescriptor } from "../descriptor.ts";
import { bSilu } from "./b-silu.ts";

const surrogates = (): string => [bSilu, ...smoothActivations().map(({ name }) => name)].join(", ");

const settings = z.strictObject({
  surrogate: described(
    z
      .string()
      .transform((name, context) => {
        if (name.toLowerCase() === bSilu) return bSilu;
        try {
          return smoothNamed(name).name;
        } catch {
          context.addIssue({ code: "custom" });
          return z.NEVER;
        }
      })
      .default(bSilu),
    {
      help: `the function whose slope gradients take: ${surrogates()}`,
      get allowed() {
        return surrogates();
      },
      value: "NAME",
    },
  ),
});

export const sugar: MethodDescriptor<typeof settings> = {
  name: "sugar",
  settings,
  mainSetting: "surrogate",
  stage: "network",
  decides: "which activation runs",
  create: async (settings) => {
    const { SugarMethod } = await import("./sugar-method.ts");
    return new SugarMethod(settings);
  },
};
