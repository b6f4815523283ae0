/**
 * The command line that repeats a run.
 * @module
 */
import { quoted, shownCommand } from "../common/shown-command.ts";
import { importedFiles } from "../recipe/import-file.ts";
import { isIdleKey } from "../recipe/method-keys.ts";
import { isRecord, resolveRecipe } from "../recipe/recipe.ts";
import { recipeFlags, settingAt } from "../recipe/recipe-flags.ts";

/**
 * `npx pea-train train` with the flags that make this recipe.
 *
 * @param settings of a run, resolved
 * @returns null where this version knows the settings no longer
 */
export function trainCommand(settings: Readonly<Record<string, unknown>>): string | null {
  if (Object.keys(settings).length === 0) return null;
  try {
    const recipe = resolveRecipe({ source: "the run", settings });
    const { model, data, dataDir } = recipe;
    // Some defaults follow from the network and the data.
    const usual = resolveRecipe({ source: "the run", settings: { model, data, dataDir } });
    const flags = recipeFlags().flatMap(({ name, path, value }) => {
      if (isIdleKey(path[0] as string, recipe)) return [];
      const own = settingAt(recipe, path);
      const isUsual = JSON.stringify(own) === JSON.stringify(settingAt(usual, path));
      if (own === undefined || (isUsual && !["model", "data", "data-dir"].includes(name))) return [];
      if (name === "import") return importedFiles(own).map((file) => `--import ${quoted(file)}`);
      if (value === undefined) return own ? `--${name}` : `--no-${name}`;
      return `--${name} ${quoted(inWords(own))}`;
    });
    return shownCommand("train", ...flags);
  } catch {
    return null;
  }
}

function inWords(value: unknown): string {
  if (Array.isArray(value) && !value.some(isRecord)) return value.join(",");
  return typeof value === "string" ? value : JSON.stringify(value);
}
