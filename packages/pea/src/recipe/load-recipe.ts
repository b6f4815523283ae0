import { importFiles } from "./import-file.ts";
import { isRecord, type Layer, type Recipe, resolveRecipe } from "./recipe.ts";

/**
 * The recipe that results from layers of settings (`resolveRecipe`), once the modules that they import have run: what these
 * register is known then.
 *
 * @throws PeaError of kind usage when a module is not there or cannot be run, or a setting does not hold
 */
export async function loadRecipe(...layers: Layer[]): Promise<Recipe> {
  const imported = layers
    .map(({ settings }) => (isRecord(settings) ? settings.import : undefined))
    .findLast((file) => file !== undefined);
  await importFiles(imported);
  return resolveRecipe(...layers);
}

/**
 * The same for settings that are only shown: where the module cannot be run they may do without it, and then do.
 *
 * @throws as `loadRecipe`, where a setting needs the module
 */
export async function loadRecipeToShow(...layers: Layer[]): Promise<Recipe> {
  try {
    return await loadRecipe(...layers);
  } catch (error) {
    try {
      return resolveRecipe(...layers);
    } catch {
      throw error;
    }
  }
}
