/**
 * Progressive Ensemble Activations; the descriptor.
 *
 * @module
 */
import { parseVariant, type SmoothName, smoothActivations, smoothNamed } from "@pea/core";
import { z } from "zod";
import {
  choice,
  DURATION,
  described,
  durationSchema,
  share,
  toggle,
  toTheLetter,
} from "../../common/settings.ts";
import type { MethodDescriptor } from "../descriptor.ts";

/** Whether a text is a variant code, of the activations known by now. */
export function isVariant(code: string): boolean {
  try {
    parseVariant(code);
    return true;
  } catch {
    return false;
  }
}

const smooth = smoothActivations();

const smoothNames = (): string =>
  smoothActivations()
    .map(({ name }) => name)
    .join(", ");

/** The name of a smooth activation, as it is registered. */
const smoothSchema = z.string().transform((name, context): SmoothName => {
  try {
    return smoothNamed(name).name;
  } catch {
    context.addIssue({ code: "custom" });
    return z.NEVER;
  }
});

const betaSchema = z.union([z.number().positive(), z.literal("learned")]);

/** What a variant code says, for `--help`. */
export const variantHelp =
  `variant code: W or S (weighted, stochastic), ${smooth.map(({ letter }) => letter).join(" ")} ` +
  `(${smooth.map(({ title }) => title).join(", ")}) or O (the network's own), end of the transition as epoch or share`;

/** The codes there are by now, in words. */
export const variantLetters = (): string =>
  `its second letter is one of ${smoothActivations()
    .map(({ letter }) => letter)
    .join(", ")}, O for the network's own, or one that an imported module registers`;

export const peaSettings = z.strictObject({
  variant: described(z.string().refine(isVariant), {
    help: variantHelp,
    get allowed() {
      return `a variant code such as "SM75%" or "WG90"; ${variantLetters()}`;
    },
    value: "CODE",
  }),
  initial: described(durationSchema.optional(), {
    help: "length of the initial phase, which runs the smooth activation alone (default: 5 of 120 epochs, as the paper)",
    allowed: DURATION,
    value: "DURATION",
  }),
  schedule: choice(
    ["linear", "cosine", "step", "exponential"],
    "linear",
    "shape of alpha during the transition",
  ),
  granularity: choice(["step", "epoch"], "step", "how often alpha moves during the transition"),
  siteAlpha: choice(
    ["shared", "learned"],
    "shared",
    "one alpha for all sites, or one that each learns, with the schedule's as their mean",
  ),
  beta: described(betaSchema.default(1), {
    help: "β of the smooth activation, Act(βx)/β, which is x·σ(βx) of Swish: a number, or learned in the initial phase for each site",
    allowed: "a number above 0, or learned",
    value: "X",
  }),
  sites: described(
    z
      .record(
        z.string().min(1),
        z.strictObject({
          ensemble: z.enum(["weighted", "stochastic"]).optional(),
          smooth: smoothSchema.optional(),
          beta: betaSchema.optional(),
        }),
      )
      .optional(),
    {
      help: 'ensemble, smooth activation and beta of single sites, by patterns of their paths, e.g. {"features.*.dw": {smooth: mish}}',
      get allowed() {
        return `patterns of paths, each with ensemble (weighted, stochastic), smooth (${smoothNames()}), beta (a number above 0, or learned) or several, e.g. {"features.*.dw": {smooth: mish}}`;
      },
      value: "SITES",
    },
  ),
  search: toggle(
    false,
    "find out which smooth activation each site would rather have (result.json: found.peaSites)",
  ),
  masks: choice(
    ["element", "channel", "sample", "layer"],
    "element",
    "what a draw of the stochastic ensemble decides for: an element as in the paper, a channel of an image, an image, or all of a site",
  ),
  lrSmooth: described(z.number().positive().optional(), {
    help: "peak learning rate of the smooth activation; the rate follows alpha from it to that of ReLU, lr (default: lr all along)",
    allowed: "a number above 0",
    value: "X",
  }),
  indexing: toTheLetter(
    choice(
      ["zero-based", "one-based"],
      "zero-based",
      "progress in the t-th of T transition steps: (t - 1)/T, or t/T as the paper's letter",
    ),
  ),
  lag: toTheLetter(
    share(
      0,
      "share of the transition by which the last activation site begins after the first; the first ends as much before the last",
    ),
  ),
});

export const pea: MethodDescriptor<typeof peaSettings> = {
  name: "pea",
  settings: peaSettings,
  mainSetting: "variant",
  stage: "network",
  decides: "which activation runs",
  title: ({ variant }) => variant,
  create: async ({ schedule, ...settings }) => {
    const { PeaMethod } = await import("./pea-method.ts");
    return new PeaMethod({ ...settings, shape: schedule });
  },
};
