/** Names of the folders of runs that are given none. */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { baselineName } from "../methods/variant-name.ts";
import { variantName } from "../recipe/method-keys.ts";
import type { Recipe } from "../recipe/recipe.ts";

/** Name of a recipe's runs, by network, variant and seed. */
export function runName(recipe: Recipe): string {
  const variant = variantName(recipe);
  const method = variant === baselineName ? "relu" : variant.replaceAll("%", "pct").replace(/[^\w.]+/g, "-");
  return `${basename(recipe.model, ".onnx")}_${method}_seed${recipe.seed}`;
}

/** The path, or the first of those with a number behind that is free. */
export function freeName(path: string): string {
  return namesLike(path).free;
}

/** The last name that `freeName` gave. */
export function lastOfName(path: string): string {
  return namesLike(path).last;
}

function namesLike(path: string): { last: string; free: string } {
  let [last, free] = [path, path];
  for (let number = 2; existsSync(free); number++) [last, free] = [free, `${path}_${number}`];
  return { last, free };
}
