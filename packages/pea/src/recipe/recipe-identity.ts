/**
 * Which run a recipe describes, whatever the machine and the version it is written down with.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { isIdleKey, withoutDefaults } from "./method-keys.ts";
import { formerSettings } from "./older-runs.ts";
import { type Recipe, type RecipeInput, resolveRecipe } from "./recipe.ts";

/**
 * Keys that say where a run is computed, what it takes to go on and what it writes down on the way, not what is trained:
 * they may differ when a run goes on. Device and threads change sums in their last bits, as another machine does: that
 * makes another sample of the same experiment.
 */
export const circumstances = [
  "dataDir",
  "expected",
  "import",
  "onBadSample",
  "device",
  "threads",
  "logEverySteps",
  "checkpointEverySteps",
  "diagnose",
] as const;

export type Circumstance = (typeof circumstances)[number];
/** What may differ from the recipe of a run where it is opened again. */
export type Circumstances = Pick<RecipeInput, Circumstance>;

/** The settings of a recipe that decide what is trained and scored. */
export function decisiveSettings(recipe: Recipe): Record<string, unknown> {
  const without: readonly string[] = circumstances;
  return Object.fromEntries(Object.entries(recipe).filter(([key]) => !without.includes(key)));
}

/**
 * A hash of the decisive settings. Those at their defaults are left out, or at what was in force before their keys came,
 * so that a later version, with more keys, knows its runs again; so are PEA's settings where the run is without PEA.
 *
 * @param recipe resolved
 * @param facts what else tells runs apart
 * @returns 64 hexadecimal digits
 */
export function recipeHash(recipe: Recipe, facts: Readonly<Record<string, unknown>> = {}): string {
  return createHash("sha256")
    .update(canonical(identifying(recipe, facts)))
    .digest("hex");
}

/** The first setting in which two recipes are not the same; undefined where they are of one hash. */
export function differingKey(one: Recipe, other: Recipe): keyof Recipe | undefined {
  const [its, others] = [one, other].map((recipe) => new Map(identifying(recipe))) as [
    Map<string, unknown>,
    Map<string, unknown>,
  ];
  const keys = [...its.keys(), ...others.keys()];
  return keys.find((key) => !isSame(its.get(key), others.get(key))) as keyof Recipe | undefined;
}

function identifying(
  recipe: Recipe,
  facts: Readonly<Record<string, unknown>> = {},
): (readonly [string, unknown])[] {
  const { optimizer, data } = recipe;
  const defaults: Record<string, unknown> = {
    ...resolveRecipe({ source: "the defaults", settings: { optimizer } }),
    ...formerSettings(data),
  };
  return Object.entries({
    ...decisiveSettings(recipe),
    // Which file it is tells its digest, wherever it lies.
    ...(recipe.modelDigest !== undefined && { model: defaults.model }),
    methods: withoutDefaults(recipe.methods),
    ...facts,
  })
    .filter(([key, value]) => !isIdleKey(key, recipe) && !isSame(value, defaults[key]))
    .map(([key, value]) => [key, withoutSame(value, defaults[key])] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The hashes by which earlier versions may know a recipe: they counted `onBadSample` in, and the path of an ONNX file. */
export function formerHashes(recipe: Recipe): string[] {
  const byPath = recipe.modelDigest === undefined ? [] : [recipeHash({ ...recipe, modelDigest: undefined })];
  return [recipeHash(recipe, { onBadSample: "skip" }), ...byPath];
}

/** A group of settings without those at their defaults. */
function withoutSame(value: unknown, defaults: unknown): unknown {
  if (!isGroup(value) || !isGroup(defaults)) return value;
  return Object.fromEntries(Object.entries(value).filter(([key, inner]) => !isSame(inner, defaults[key])));
}

const isGroup = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Are two settings equal, whatever the order of their keys? */
export function isSame(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, inner) =>
      typeof inner === "object" && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
        : inner,
    ) ?? "undefined"
  );
}
