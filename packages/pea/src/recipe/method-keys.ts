/**
 * The keys of a recipe that choose its training methods: the list `methods`, and beside it the keys that PEA and its
 * comparisons have of their own, which mean the same as their entries in the list. All that is particular to those keys
 * stands here.
 *
 * @module
 */
import { type ActivationName, activationNamed, PeaError, parseVariant, smoothActivations } from "@pea/core";
import { z } from "zod";
import { SettingError } from "../common/setting-error.ts";
import { DURATION, described, durationSchema } from "../common/settings.ts";
import { activationNames, activationSchema } from "../methods/activation/activation.ts";
import {
  type ChosenMethod,
  checkTogether,
  chooseMethod,
  entryOf,
  type MethodEntry,
  ownSettings,
  titleOf,
} from "../methods/chosen-method.ts";
import { isVariant, peaSettings, variantHelp, variantLetters } from "../methods/pea/pea.ts";
import { methodNames } from "../methods/registry.ts";
import { baselineName, nameOfMethods } from "../methods/variant-name.ts";

const { initial, schedule, granularity, siteAlpha, beta, sites, search, masks, lrSmooth, indexing, lag } =
  peaSettings.shape;

/** In the order of the recipe. */
export const methodKeys = {
  pea: described(
    z
      .string()
      .refine((code) => code === "none" || isVariant(code))
      .default("none"),
    {
      help: variantHelp,
      get allowed() {
        return `a variant code such as "SM75%" or "WG90", or "none"; ${variantLetters()}`;
      },
      value: "CODE",
    },
  ),
  peaInitial: initial,
  peaSchedule: schedule,
  peaGranularity: granularity,
  peaSiteAlpha: siteAlpha,
  peaBeta: beta,
  peaSites: sites,
  peaSearch: search,
  peaMasks: masks,
  peaLrSmooth: lrSmooth,
  peaIndexing: indexing,
  peaLag: lag,
  activation: described(activationSchema.default("relu"), {
    help: `activation of a run without PEA, a smooth one for PEA's upper limit: ${activationNames()}`,
    get allowed() {
      return `${activationNames()}, or one that an imported module registers`;
    },
    value: "NAME",
  }),
  swapToRelu: described(durationSchema.optional(), {
    help: "when ReLU takes the place of a smooth activation; 100%: after the last step (default: never)",
    allowed: DURATION,
    value: "DURATION",
  }),
  methods: described(z.array(z.union([z.string(), z.record(z.string(), z.unknown())])).default([]), {
    help: `more methods, in their order: ${methodNames().join(", ")}; with settings as in "ema, mixup: 0.4" or "{ema: {decay: 0.999}}"`,
    get allowed() {
      return `a list of methods, by name or as a name with settings: ${methodNames().join(", ")}, or those that an imported module registers`;
    },
    value: "METHODS",
  }),
} as const satisfies Record<string, z.ZodType>;

/** Names of the keys that choose methods: a variant's name tells what is in them. */
export const methodKeyNames: readonly string[] = Object.keys(methodKeys);

/** Those of them whose values a variant's name tells. */
export const namedKeys = [
  "pea",
  "activation",
  "swapToRelu",
  "methods",
] as const satisfies (keyof typeof methodKeys)[];

const methodSettings = z.strictObject(methodKeys);

/** What these keys hold in a recipe. */
export type MethodSettings = z.output<typeof methodSettings>;

type KeysOfMethod = Readonly<Partial<Record<keyof MethodSettings, string>>>;

/** The keys that stand for a method of the list, and which of its settings each is. */
const ownKeys = {
  pea: {
    pea: "variant",
    peaInitial: "initial",
    peaSchedule: "schedule",
    peaGranularity: "granularity",
    peaSiteAlpha: "siteAlpha",
    peaBeta: "beta",
    peaSites: "sites",
    peaSearch: "search",
    peaMasks: "masks",
    peaLrSmooth: "lrSmooth",
    peaIndexing: "indexing",
    peaLag: "lag",
  },
  activation: { activation: "activation" },
  swap: { swapToRelu: "at", activation: "activation" },
} satisfies Record<string, KeysOfMethod>;

const keysOf = (method: string): KeysOfMethod | undefined =>
  Object.hasOwn(ownKeys, method) ? ownKeys[method as keyof typeof ownKeys] : undefined;

/**
 * The methods that a recipe chooses, in their order: that of PEA's keys first.
 *
 * @throws PeaError of kind usage for methods that are not known or do not go together, and for settings that do not hold
 */
export function methodsOf(recipe: MethodSettings): ChosenMethod[] {
  const first = methodOfOwnKeys(recipe);
  const methods = [...(first === null ? [] : [first]), ...recipe.methods.map(chooseMethod)];
  checkTogether(methods);
  return methods;
}

/** The method of PEA's keys; null for training with ReLU all along. */
function methodOfOwnKeys(recipe: MethodSettings): ChosenMethod | null {
  const { pea, activation, swapToRelu } = recipe;
  if (pea !== "none" && swapToRelu !== undefined)
    throw new SettingError(
      (name) =>
        `${name("swapToRelu")} ${swapToRelu} does not go with ${name("pea")} ${pea}, which glides to ReLU; leave one out`,
    );
  if (swapToRelu !== undefined && activation === "relu")
    throw new SettingError(
      (name) =>
        `${name("swapToRelu")} ${swapToRelu} needs a smooth activation to swap for ReLU, such as ${name("activation")} mish; ${name("activation")} is relu`,
    );
  if (pea !== "none" && activation !== "relu")
    throw new SettingError(
      (name) =>
        `${name("activation")} ${activation} does not go with ${name("pea")} ${pea}, whose code names the smooth activation; leave one out`,
    );
  if (swapToRelu !== undefined) return chosenByKeys("swap", recipe);
  if (pea !== "none") return chosenByKeys("pea", recipe);
  return activation === "relu" ? null : chosenByKeys("activation", recipe);
}

function chosenByKeys(name: keyof typeof ownKeys, recipe: MethodSettings): ChosenMethod {
  const settings = Object.entries(ownKeys[name]).map(([key, setting]) => [
    setting,
    recipe[key as keyof MethodSettings],
  ]);
  return chooseMethod({ [name]: Object.fromEntries(settings) });
}

/**
 * Settings in the one form that all ways to write them have: where the list begins with a method that has keys of its own
 * it is told by these, and what remains of the list has all of its settings.
 *
 * @param settings checked key by key
 * @param given the keys that were set, by layers of settings
 * @throws PeaError of kind usage for a method that is chosen twice, and as `methodsOf`
 */
export function settleMethods(
  settings: MethodSettings,
  given: Readonly<Record<string, unknown>>,
): Pick<MethodSettings, "methods"> & Partial<MethodSettings> {
  const [first, ...others] = settings.methods.map(chooseMethod);
  if (first === undefined) return { methods: [] };
  const keys = keysOf(first.descriptor.name);
  if (keys === undefined) return { methods: [first, ...others].map(entryOf) };
  for (const key of Object.values(ownKeys).flatMap(Object.keys))
    if (given[key] !== undefined)
      throw new SettingError(
        (name) =>
          `${name(key)} is ${JSON.stringify(given[key])} beside ${titleOf(first)} in ${name("methods")}; say it in one place, and leave the other out`,
      );
  const own = Object.entries(keys)
    .map(([key, setting]) => [key, first.settings[setting]] as const)
    .filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(own), methods: others.map(entryOf) };
}

/**
 * The list of methods alone in the form of `settleMethods`: the keys that tell its first method, and what remains of it.
 *
 * @throws PeaError of kind usage for a method that is not known, and settings that do not hold
 */
export function settledList(methods: MethodSettings["methods"]): Partial<MethodSettings> {
  return settleMethods({ ...methodSettings.parse({}), methods }, {});
}

/** What a recipe's way of training is called: `ReLU`, `SM75%`, `mish`, `mish, ReLU from 90%`, `SM75% + ema + mixup`. */
export function variantName(recipe: MethodSettings): string {
  return nameOfMethods(methodsOf(recipe));
}

/** Whether a key does nothing, whatever its value: PEA's settings in a run without PEA. */
export function isIdleKey(key: string, { pea }: MethodSettings): boolean {
  return pea === "none" && key !== "pea" && Object.hasOwn(ownKeys.pea, key);
}

/** The list of a recipe without settings at their defaults, so that methods may get more of them. */
export function withoutDefaults(methods: MethodSettings["methods"]): MethodEntry[] {
  return methods.map((entry) => {
    const method = chooseMethod(entry);
    return { [method.descriptor.name]: ownSettings(method) };
  });
}

/**
 * What recorded settings, which may be few, say of the activation: PEA's code, one in the place of ReLU, and whether ReLU
 * takes that place in the end.
 */
export function activationIn({ pea, activation, swapToRelu }: Readonly<Record<string, unknown>>): {
  code?: string;
  activation?: string;
  isSwapped: boolean;
} {
  return {
    ...(typeof pea === "string" && { code: pea }),
    ...(typeof activation === "string" && { activation }),
    isSwapped: swapToRelu !== undefined,
  };
}

/** The smooth activation that recorded settings train with; null where there is none, or it is the network's own. */
export function smoothIn(settings: Readonly<Record<string, unknown>>): string | null {
  const { code = "none", activation } = activationIn(settings);
  const smooth = code === "none" ? activation : parseVariant(code).smooth;
  return smoothActivations().find(({ name }) => name === smooth)?.name ?? null;
}

/** Whether all methods and activations are known that settings name; those that are missing are at their defaults. */
export function areMethodsKnown(settings: Readonly<Record<string, unknown>>): boolean {
  const { pea, activation, methods } = settings;
  const result = methodSettings.safeParse({ pea, activation, methods });
  if (!result.success) return false;
  try {
    return result.data.methods.every((entry) => chooseMethod(entry));
  } catch {
    return false;
  }
}

/**
 * The settings that the name of a variant alone stands for: `ReLU`, a variant code, or a smooth activation, whose name is
 * then that which it is registered by.
 *
 * @throws PeaError of kind usage for another name
 */
export function namedVariant(name: string): {
  name: string;
  settings: { pea: string; activation?: ActivationName };
} {
  if (name.toLowerCase() === baselineName.toLowerCase())
    return { name: baselineName, settings: { pea: "none", activation: "relu" } };
  const activation = activationNamed(name)?.name;
  if (activation !== undefined) return { name: activation, settings: { pea: "none", activation } };
  try {
    parseVariant(name);
  } catch (error) {
    const smooth = smoothActivations().map(({ name }) => name);
    throw usage(
      `${JSON.stringify(name)}, which is neither "ReLU" nor a smooth activation (${smooth.join(", ")}), and ` +
        `${(error as Error).message}; another way of training takes a name and recipe keys`,
    );
  }
  return { name, settings: { pea: name } };
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
