/** The run that a file of weights is of. */
import { existsSync } from "node:fs";
import { basename, dirname } from "node:path";
import { activationNamed } from "@pea/core";
import { activationIn, smoothIn } from "../recipe/method-keys.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { readRunConfig, runDirectory } from "./run-directory.ts";

/** A run, and its settings as they were recorded. */
export interface RunOfWeights {
  readonly directory: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** By the folder that the file lies in; null for one that is no run's, and where what the run recorded cannot be read. */
export function runOfWeights(path: string): RunOfWeights | null {
  const folder = dirname(path);
  if (basename(folder) !== "checkpoints") return null;
  const run = runDirectory(dirname(folder));
  if (!existsSync(run.config)) return null;
  try {
    return { directory: run.path, config: readRunConfig(run).config };
  } catch {
    return null;
  }
}

/** Which network the weights are of, where they are a run's of another; else nothing. */
export function wayToNetwork(path: string, model: string): string {
  const run = runOfWeights(path);
  const own = run?.config.model;
  return typeof own !== "string" || own === model
    ? ""
    : `\nthey are the weights of ${run?.directory}, whose model is ${own}`;
}

/** What is to be told of weights that were trained with another smooth activation than a run begins with. */
export function remarkOnActivation(path: string, recipe: Recipe): string | null {
  const run = runOfWeights(path);
  if (run === null) return null;
  const { code = "none", isSwapped } = activationIn(run.config);
  // PEA and a swap end with ReLU, if the run came to its end.
  const before = code === "none" && !isSwapped ? smoothIn(run.config) : null;
  const now = smoothIn(recipe);
  if (before === null || now === null || before === now) return null;
  const title = (name: string) => activationNamed(name)?.title ?? name;
  return (
    `${run.directory} was trained with ${title(before)}, and this run begins with ${title(now)}: the network computes ` +
    `something else from the first step on; with ${title(before)} it would go on as it was`
  );
}
