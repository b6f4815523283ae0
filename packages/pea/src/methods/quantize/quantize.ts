/**
 * Training with rounded weights and activations; the descriptor.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { type SchemeWishes, usualScheme } from "@pea/graph";
import { z } from "zod";
import { choice, DURATION, described, durationSchema, share } from "../../common/settings.ts";
import type { MethodDescriptor } from "../descriptor.ts";

const settings = z.strictObject({
  start: described(durationSchema.optional(), {
    help: "when rounding begins (default: with the last phase of the other methods, else at 75%)",
    allowed: DURATION,
    value: "DURATION",
  }),
  weights: choice(
    ["per channel", "per tensor"],
    "per channel",
    "a scale for each output of a layer, or one for all of its weight",
  ),
  activations: choice(["int8", "uint8", "int16"], "int8", "what computed values are kept as"),
  scales: choice(
    ["asymmetric", "symmetric", "powers of two"],
    "asymmetric",
    "zero points where ranges want them, or 0; scales as they come, or powers of two",
  ),
  ranges: choice(
    ["tracked", "learned"],
    "tracked",
    "where the ranges of values come from, what they hold or the loss",
  ),
  batchNorm: choice(
    ["running", "frozen"],
    "running",
    "while numbers are rounded, statistics of the batch, or those that there were before",
  ),
  momentum: share(0.01, "share of each step's range in the range that is tracked"),
});

/** Settings at their defaults are no wishes. */
const usual = usualScheme({});

export const quantize: MethodDescriptor<typeof settings> = {
  name: "quantize",
  settings,
  mainSetting: "start",
  stage: "precision",
  decides: "how numbers are rounded",
  excludes: {
    activation: "a smooth activation that stays has no form in integers, where pea and swap end in ReLU",
  },
  forIntegers(settings, schemeOf) {
    const { activations, weights } = settings;
    const wishes: SchemeWishes = {
      ...(activations !== usual.activations && { activations }),
      ...(weights !== usual.weights && { perTensor: true }),
    };
    const scheme = schemeOf(wishes);
    for (const key of ["weights", "activations", "scales"] as const)
      if (settings[key] !== usual[key] && settings[key] !== scheme[key])
        throw new PeaError(
          `quantize has ${key} ${settings[key]}, but the run's target has ${scheme[key]}; leave ${key} out, or the target`,
          { kind: "usage" },
        );
    return { ...settings, ...scheme };
  },
  create: async (settings) => {
    const { QuantizeMethod } = await import("./quantize-method.ts");
    return new QuantizeMethod(settings);
  },
};
