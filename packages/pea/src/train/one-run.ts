/**
 * What processes that train together must have in common. Each finds out by itself, before its first step.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { Module } from "@pea/torch";
import { KnownParts } from "../data/parts/known-parts.ts";
import { type Ranks, requireSame } from "../distributed/ranks.ts";
import { requireEvenShares } from "../distributed/share.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { show } from "../recipe/recipe.ts";
import { differingKey } from "../recipe/recipe-identity.ts";
import type { RecipeData } from "../run/open-data.ts";
import { currentEnvironment } from "../run/run-directory.ts";

const theSame = "start all processes with the same";

/**
 * Before the data are opened: refuses ranks of other code, with another folder or another recipe.
 *
 * @param run.goesOn whether it has begun before
 * @param run.folder that this process was given, if it was
 * @param run.environment of this process
 * @throws PeaError of kind usage on every rank, naming the first that differs from rank 0, and in what
 */
export async function requireOneRun(
  ranks: Ranks,
  {
    recipe,
    goesOn,
    folder,
    environment = currentEnvironment(),
  }: {
    recipe: Recipe;
    goesOn: boolean;
    folder?: string;
    environment?: Pick<ReturnType<typeof currentEnvironment>, "pea" | "libtorch" | "commit">;
  },
): Promise<void> {
  if (ranks.size > 1) {
    const { pea, libtorch, commit } = environment;
    const remedy = `${theSame} code and engine`;
    await requireSame(ranks, {
      "version of pea": { value: pea, remedy },
      "version of libtorch": { value: libtorch, remedy },
      "commit of the code": { value: commit, remedy },
      command: {
        value: goesOn ? "one that goes on with a run" : "one that begins a run",
        remedy: `${theSame} command`,
      },
      "folder of the run": { value: folder ?? "none given", remedy: theSame },
    });
    await requireOneRecipe(ranks, recipe);
  }
  requireEvenShares(recipe.batchSize, ranks, { goesOn });
}

/** Of what does not decide what is trained: when ranks meet. */
const metAt = ["logEverySteps", "checkpointEverySteps", "onBadSample"] as const;

async function requireOneRecipe(ranks: Ranks, recipe: Recipe): Promise<void> {
  const [first, ...others] = (await ranks.gather(recipe)) as [Recipe, ...Recipe[]];
  for (const [i, other] of others.entries()) {
    const key = differingKey(first, other) ?? metAt.find((key) => first[key] !== other[key]);
    if (key === undefined) continue;
    const [its, firsts] = [other, first].map((one) => show(one[key]));
    throw new PeaError(
      `rank ${i + 1} has another ${key} (${its}) than rank 0 (${firsts}); ${theSame} recipe and flags`,
      { kind: "usage" },
    );
  }
}

/**
 * Before anything is written: refuses ranks that have other images.
 *
 * @throws PeaError of kind usage, as `requireOneRun`
 */
export async function requireSameImages(ranks: Ranks, data: RecipeData): Promise<void> {
  if (ranks.size === 1) return;
  const value = new KnownParts(data.identify()).digest();
  await requireSame(ranks, { "set of images": { value, remedy: `${theSame} data` } });
}

/**
 * Before the first step: refuses ranks that stand elsewhere in the run, and gives all the weights of the first.
 *
 * @throws PeaError of kind usage, as `requireOneRun`
 */
export async function beginTogether(ranks: Ranks, model: Module, step: number): Promise<void> {
  if (ranks.size === 1) return;
  await requireSame(ranks, {
    "number of steps behind it": {
      value: step,
      remedy: "the run's folder must be the same for all, on a file system that they share",
    },
  });
  await ranks.takeFirst([...model.stateDict().values()]);
}
