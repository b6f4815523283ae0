/**
 * The runs of a study: networks × variants × seeds. Runs of one seed are paired: the same initial weights, order of the
 * samples and augmentation, since all of them follow from the seed alone.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { type Recipe, resolveRecipe } from "../recipe/recipe.ts";
import { recipeHash } from "../recipe/recipe-identity.ts";
import { type Study, type StudyTarget, trainedVariants } from "./study-file.ts";

/** One run of the grid. */
export interface Cell {
  network: string;
  dataset: string;
  variant: string;
  seed: number;
  recipe: Recipe;
  /** Address of the run: the first digits of its recipe's hash. Two cells may share a run. */
  hash: string;
  /** What it is exported to once it has ended. */
  targets: readonly StudyTarget[];
}

/**
 * What a study asks of every run unless it says otherwise. Test scores after each epoch let the baseline's best model
 * be chosen within the window of the variant it is compared with; the window begins in the second half at the earliest.
 */
const studyDefaults = { scoreTest: "epochs", selectFrom: "50%" } as const;

/** Digits of a hash that name a run: 48 bits, where a million runs collide once in 560 studies. */
const HASH_DIGITS = 12;

/**
 * The grid of a study, in the order of its results: by network, variant and seed.
 *
 * @throws PeaError (usage) where recipe keys do not hold
 */
export function gridOf(study: Study): Cell[] {
  const { settings, networks, seeds, targets = [] } = study;
  const variants = trainedVariants(study);
  const cells = networks.flatMap((network) =>
    variants.flatMap((variant) =>
      seeds.map((seed): Cell => {
        const recipe = resolveRecipe(
          { source: "the study's defaults", settings: studyDefaults },
          { source: "settings", settings: ofSeed(settings, seed) },
          { source: `network ${network.name}`, settings: ofSeed(network.settings, seed) },
          { source: `variant ${variant.name}`, settings: ofSeed(variant.settings, seed) },
          { source: "seeds", settings: { seed } },
        );
        const dataset = network.dataset ?? recipe.data;
        return {
          network: network.name,
          dataset,
          variant: variant.name,
          seed,
          recipe,
          hash: addressOf(recipe, dataset),
          targets,
        };
      }),
    ),
  );
  refuseAmbiguousData(cells);
  return cells;
}

/** Recipe keys with the run's seed in the place of `{seed}`, wherever a text has it. */
function ofSeed<T>(value: T, seed: number): T {
  const filled = (inner: unknown): unknown => {
    if (typeof inner === "string") return inner.replaceAll("{seed}", String(seed));
    if (Array.isArray(inner)) return inner.map(filled);
    if (typeof inner !== "object" || inner === null) return inner;
    return Object.fromEntries(Object.entries(inner).map(([key, its]) => [key, filled(its)]));
  };
  return filled(value) as T;
}

/** Address of a run, the first digits of its recipe's hash. A name of the data tells what a folder does not. */
export function addressOf(recipe: Recipe, dataset: string): string {
  return recipeHash(recipe, dataset === recipe.data ? {} : { dataset }).slice(0, HASH_DIGITS);
}

/** A folder is where data lie, not which data they are: that is for a name to say. */
function refuseAmbiguousData(cells: readonly Cell[]): void {
  const first = new Map<string, Cell>();
  for (const cell of cells) {
    const other = first.get(cell.hash) ?? cell;
    first.set(cell.hash, other);
    if (other.recipe.dataDir !== cell.recipe.dataDir)
      throw new PeaError(
        `${describeCell(other)} and ${describeCell(cell)} differ in dataDir alone; give each network entry a dataset, a name of its data`,
        { kind: "usage" },
      );
  }
}

/** `mobilenet-0.25-small SM75% seed 0`. */
export function describeCell({ network, variant, seed }: Pick<Cell, "network" | "variant" | "seed">): string {
  return `${network} ${variant} seed ${seed}`;
}
