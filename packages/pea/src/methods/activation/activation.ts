/**
 * One smooth activation all along; the descriptor.
 *
 * @module
 */
import { type ActivationName, activationNamed, activations } from "@pea/core";
import { z } from "zod";
import { described } from "../../common/settings.ts";
import type { MethodDescriptor } from "../descriptor.ts";

/** The activations known by now: those that a module registers come once it has run. */
export const activationNames = (): string => Object.keys(activations).join(", ");

/** The name of an activation, as it is registered. */
export const activationSchema = z.string().transform((name, context): ActivationName => {
  const found = activationNamed(name);
  if (found !== null) return found.name;
  context.addIssue({ code: "custom" });
  return z.NEVER;
});

const settings = z.strictObject({
  activation: described(activationSchema, {
    help: `the activation to train with: ${activationNames()}`,
    get allowed() {
      return `${activationNames()}, or one that an imported module registers`;
    },
    value: "NAME",
  }),
});

export const activation: MethodDescriptor<typeof settings> = {
  name: "activation",
  settings,
  mainSetting: "activation",
  stage: "network",
  decides: "which activation runs",
  title: ({ activation }) => activation,
  create: async (settings) => {
    const { ActivationMethod } = await import("./activation-method.ts");
    return new ActivationMethod(settings);
  },
};
