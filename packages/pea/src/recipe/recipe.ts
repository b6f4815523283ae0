/**
 * The recipe: every setting of a training run, from layers of YAML files, flags and code.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { z } from "zod";
import { isModelFile } from "../common/model-file-name.ts";
import { nearestName } from "../common/nearest-name.ts";
import { type NameOfKey, SettingError } from "../common/setting-error.ts";
import type { KeyDescription } from "../common/settings.ts";
import { DEFAULT_IMAGE_SIZE, isCropped, isInFiles } from "../data/sets/dataset-descriptor.ts";
import { datasetNamed } from "../data/sets/registry.ts";
import { parseImageSize } from "../images/image-size.ts";
import type { EvaluationCrop, Size } from "../images/transforms/crop.ts";
import { resolveImports } from "./import-file.ts";
import { methodsOf, settledList, settleMethods } from "./method-keys.ts";
import { adamSchema, groupShape, groups, radamSchema, recipeSchema } from "./recipe-schema.ts";

/** A recipe as far as no key depends on another. */
type SchemaOutput = z.infer<typeof recipeSchema>;

/** A complete recipe. */
export type Recipe = SchemaOutput & { l2: { coef: number } } & (
    | { optimizer: "sgd"; momentum: number; nesterov: boolean; sgdForm: "pytorch" | "keras" }
    | { optimizer: "adam" | "adamw"; adam: z.infer<typeof adamSchema> }
    | { optimizer: "radam"; radam: z.infer<typeof radamSchema> }
  );

/** A recipe in which every key may be left out. */
export type RecipeInput = z.input<typeof recipeSchema>;

/** Where a layer of settings comes from, for error messages. */
export interface Layer {
  /** E.g. `recipe.yaml` or `the flags`. */
  source: string;
  settings: unknown;
}

/**
 * The recipe that results from layers of settings, later ones over earlier ones, defaults below all. null takes a key
 * back to its default.
 *
 * @throws PeaError of kind usage that names the key, its value and the values allowed, or methods that do not go together
 */
export function resolveRecipe(...layers: Layer[]): Recipe {
  for (const { source, settings } of layers) {
    if (!isRecord(settings)) throw usage(`${source} must hold keys and values, not ${show(settings)}`);
    refuseUnknownKeys(settings, Object.keys(recipeSchema.shape), source);
  }
  const merged = withOwnDefaults(
    Object.fromEntries(Object.entries(mergeSettings(layers)).filter(([, value]) => value !== null)),
  );
  for (const [key, { shape }] of Object.entries(groups))
    if (isRecord(merged[key])) refuseUnknownKeys(merged[key], Object.keys(shape), key);
  const result = recipeSchema.safeParse(merged);
  if (!result.success)
    throw wrong((name) => describeIssue(result.error.issues[0] as z.core.$ZodIssue, merged, name));
  checkTogether(result.data);
  const { model, data, l2, import: imported } = result.data;
  const dataset = datasetNamed(data);
  const { imageSize = defaultImageSize(data), trainCrop = "distorted" } = result.data;
  const { evalCrop = trainCrop === "whole" ? "whole" : "central" } = result.data;
  const { splitBy = "name" } = result.data;
  // Parsed once more for the order of the keys, which is the schema's then, whoever set them.
  const recipe = recipeSchema.parse({
    ...result.data,
    ...settleMethods(result.data, merged),
    ...(imported !== undefined && { import: resolveImports(imported) }),
    ...(isInFiles(dataset) && { imageSize, splitBy }),
    ...(isCropped(dataset) && { trainCrop, evalCrop }),
    ...optimizerSettings(result.data),
    l2: { ...l2, coef: l2.coef ?? weightDecayOf(model) },
  }) as Recipe;
  methodsOf(recipe);
  return recipe;
}

/**
 * Settings of some keys in the form that a resolved recipe has them in, to be compared with one; what does not hold stays as
 * it was given.
 */
export function settledSettings(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { shape } = recipeSchema;
  const settled = Object.entries(settings).map(([key, value]) => {
    if (groupShape(key) !== undefined) return [key, value];
    return [key, shape[key as keyof typeof shape]?.safeParse(value).data ?? value];
  });
  const { methods, ...others } = Object.fromEntries(settled);
  if (methods === undefined) return others;
  try {
    return { ...others, ...settledList(methods) };
  } catch {
    return { ...others, methods };
  }
}

/** What an evaluation sees of an image: all of one that the recipe does not crop. */
export function evaluationCrop({ evalCrop = "whole" }: Recipe): EvaluationCrop {
  return evalCrop;
}

/** Layers of settings as one, later ones over earlier ones, within groups too. Unchecked but for being keys and values. */
export function mergeSettings(layers: readonly Layer[]): Record<string, unknown> {
  const merged: Record<string, unknown> = {};
  for (const { settings } of layers)
    for (const [key, value] of Object.entries(settings as Record<string, unknown>)) {
      const below = merged[key];
      if (value !== undefined)
        merged[key] = isRecord(below) && isRecord(value) ? { ...below, ...value } : value;
    }
  return merged;
}

/** Settings with those that others have defaults for: AdamW's decay is no penalty, and one cycle is a rise and a fall. */
function withOwnDefaults(settings: Record<string, unknown>): Record<string, unknown> {
  const { optimizer, l2 = {}, lrSchedule } = settings;
  return {
    ...(lrSchedule === "onecycle" && { warmup: "30%" }),
    ...settings,
    ...(optimizer === "adamw" && isRecord(l2) && { l2: { form: "half", ...l2 } }),
  };
}

/** The paper's weight decay for a network (spec recipes 1.9). */
function weightDecayOf(model: string): number {
  return /^mobilenet\b/.test(model) ? 4e-5 : 1e-4;
}

function defaultImageSize(data: string): number | string {
  return datasetNamed(data).imageSize ?? DEFAULT_IMAGE_SIZE;
}

/** Checks what no single key can tell. */
function checkTogether(recipe: SchemaOutput): void {
  if (recipe.limitTrain > 1 && !Number.isInteger(recipe.limitTrain))
    throw wrong(
      (name) =>
        `${name("limitTrain")} is ${recipe.limitTrain}, but must be ${describeKey("limitTrain").allowed}`,
    );
  const { data } = recipe;
  const dataset = datasetNamed(data);
  for (const key of ["imageSize", "trainCrop", "evalCrop"] as const)
    if (recipe[key] !== undefined && !isInFiles(dataset))
      throw wrong(
        (name) =>
          `${name(key)} is ${show(recipe[key])}, but images of ${show(data)} are taken as they are; leave it out`,
      );
  for (const key of ["trainCrop", "evalCrop"] as const)
    if (recipe[key] !== undefined && dataset.hasLabelMaps)
      throw wrong(
        (name) =>
          `${name(key)} is ${show(recipe[key])}, but images of ${show(data)} are taken whole; leave it out`,
      );
  checkEvalCrop(recipe);
  if (recipe.syncBatchNorm && recipe.microBatch > 0)
    throw wrong(
      (name) =>
        `${name("syncBatchNorm")} takes mean and variance of the whole batch, but with ${name("microBatch")} ${recipe.microBatch} it passes in parts; leave one of them out`,
    );
  if (recipe.labelBase !== undefined && !dataset.hasLabelBase)
    throw wrong(
      (name) =>
        `${name("labelBase")} is ${recipe.labelBase}, but ${show(data)} leaves no choice of where labels begin; leave it out`,
    );
  if (recipe.splitBy !== undefined && !isInFiles(dataset))
    throw wrong(
      (name) =>
        `${name("splitBy")} is ${show(recipe.splitBy)}, but images of ${show(data)} have no names and are split by position; leave it out`,
    );
  if (!recipe.exifOrientation && !isInFiles(dataset))
    throw wrong(
      (name) =>
        `images of ${show(data)} have no EXIF orientation that could be left aside; leave ${name("exifOrientation")} out`,
    );
  if (recipe.onBadSample !== "fail" && !isInFiles(dataset))
    throw wrong(
      (name) =>
        `${name("onBadSample")} is ${show(recipe.onBadSample)}, but images of ${show(data)} are read whole, so that none can be passed over; leave it out`,
    );
  if (recipe.onMissingShard !== "fail" && !dataset.hasShards)
    throw wrong(
      (name) =>
        `${name("onMissingShard")} is ${show(recipe.onMissingShard)}, but ${show(data)} is no numbered set of files; leave it out`,
    );
  if (recipe.validateOn === "test" && recipe.valFraction > 0)
    throw wrong(
      (name) =>
        `${name("valFraction")} is ${recipe.valFraction}, but with ${name("validateOn")} "test" nothing is split off; set ${name("valFraction")} to 0`,
    );
  for (const key of ["fresh", "addBatchNorm", "modelOutput", "modelDigest"] as const)
    if (recipe[key] !== undefined && !isModelFile(recipe.model))
      throw wrong(
        (name) => `${name(key)} is ${recipe[key]}, but ${recipe.model} comes from no ONNX file; leave it out`,
      );
  for (const option of ["inputChannels", "imageSize", "classes"])
    if (recipe.modelOptions?.[option] !== undefined)
      throw wrong(
        (name) =>
          `${name("modelOptions")}.${option} is ${recipe.modelOptions?.[option]}, but it follows from the data; leave it out`,
      );
  checkOptimizer(recipe);
}

/** What is cut from the middle of a scaled image must lie in it. */
function checkEvalCrop({ evalCrop, data, imageSize = defaultImageSize(data) }: SchemaOutput): void {
  const { width, height } = parseImageSize(imageSize) as Size;
  if (typeof evalCrop === "number" && evalCrop < Math.max(width, height))
    throw wrong(
      (name) =>
        `${name("evalCrop")} is ${evalCrop}, but must be ${describeKey("evalCrop").allowed}: ${name("imageSize")} is ${show(imageSize)}`,
    );
}

/** The keys of each optimizer. */
const optimizerKeys = {
  sgd: ["momentum", "nesterov", "sgdForm"],
  adam: ["adam"],
  adamw: ["adam"],
  radam: ["radam"],
} as const satisfies Record<SchemaOutput["optimizer"], (keyof SchemaOutput)[]>;

/** Those of the optimizer that was chosen, with their defaults. */
function optimizerSettings({ optimizer, ...given }: SchemaOutput): Partial<SchemaOutput> {
  const { momentum = 0.9, nesterov = false, sgdForm = "pytorch" } = given;
  if (optimizer === "sgd") return { momentum, nesterov, sgdForm };
  return optimizer === "radam"
    ? { radam: radamSchema.parse(given.radam ?? {}) }
    : { adam: adamSchema.parse(given.adam ?? {}) };
}

function checkOptimizer(recipe: SchemaOutput): void {
  const { optimizer, momentum, nesterov, radam, l2 } = recipe;
  const own: readonly string[] = optimizerKeys[optimizer];
  for (const key of new Set(Object.values(optimizerKeys).flat()))
    if (recipe[key] !== undefined && !own.includes(key))
      throw wrong(
        (name) =>
          `${name(key)} is ${show(recipe[key])}, but ${name("optimizer")} is ${show(optimizer)}; leave ${name(key)} out`,
      );
  if (nesterov && momentum === 0)
    throw wrong(
      (name) => `${name("nesterov")} is true, but needs a momentum above 0; ${name("momentum")} is 0`,
    );
  const decoupled = optimizer === "adamw" ? "optimizer" : "radam.decay";
  if ((optimizer === "adamw" || radam?.decay === "decoupled") && l2.form === "keras")
    throw wrong(
      (name) =>
        `${name(decoupled)} is ${show(optimizer === "adamw" ? optimizer : radam?.decay)}, which takes lr·coef·w off the weights, ` +
        `and ${name("l2.form")} is "keras", which doubles the gradient of a penalty; set ${name("l2.form")} to "half"`,
    );
}

function describeKey(key: string): KeyDescription {
  const [group = "", inner] = key.split(".");
  const inGroup = inner === undefined ? undefined : groupShape(group)?.[inner];
  const schema = inGroup ?? recipeSchema.shape[group as keyof typeof recipeSchema.shape];
  return schema.meta() as unknown as KeyDescription;
}

function describeIssue(issue: z.core.$ZodIssue, settings: Record<string, unknown>, name: NameOfKey): string {
  const path = issue.path.filter((part) => typeof part === "string");
  const key = path.join(".");
  let value: unknown = settings;
  for (const part of path) value = (value as Record<string, unknown>)[part];
  const shape = groupShape(key);
  if (shape) return `${name(key)} is ${show(value)}, but must hold ${Object.keys(shape).join(", ")}`;
  const group = settings[path[0] as string];
  const others = isRecord(group) && value === undefined ? Object.keys(group) : [];
  const beside =
    others.length > 0 ? ` beside ${others.map((other) => name(`${path[0]}.${other}`)).join(" and ")}` : "";
  return `${name(key)} is ${show(value)}${beside}, but must be ${describeKey(key).allowed}`;
}

function refuseUnknownKeys(settings: Record<string, unknown>, known: string[], source: string): void {
  for (const key of Object.keys(settings)) {
    if (known.includes(key)) continue;
    const nearest = nearestName(key, known);
    const hint = nearest === null ? `known are ${known.join(", ")}` : `did you mean "${nearest}"?`;
    throw usage(`unknown key "${key}" in ${source}; ${hint}`);
  }
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
/** As it stands in a recipe; JSON has no numbers that are not finite. */
export const show = (value: unknown): string =>
  typeof value === "number" ? `${value}` : (JSON.stringify(value) ?? "missing");
const wrong = (words: (name: NameOfKey) => string): SettingError => new SettingError(words);
const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
