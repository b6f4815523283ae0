/** The recipe that advice ends in. */
import { join, relative, resolve } from "node:path";
import { writeFileAtomically } from "@pea/torch";
import { stringify } from "yaml";
import { makeDirectory } from "../common/make-directory.ts";
import type { NamedSettings } from "../study/study-file.ts";

/**
 * Writes the recipe to train with: that which advice was asked on, with the settings of the choice.
 *
 * @returns its path, `recipe.yaml` in a folder
 */
export function writeChosenRecipe(
  folder: string,
  recipeFile: string,
  { name, settings }: NamedSettings,
): string {
  const file = join(folder, "recipe.yaml");
  const content = stringify({ extends: relative(resolve(folder), resolve(recipeFile)), ...settings });
  makeDirectory(folder);
  writeFileAtomically(file, [Buffer.from(`# ${name}, as pea advise chose it.\n${content}`)]);
  return file;
}
