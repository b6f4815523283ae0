import { isModelFile } from "../common/model-file-name.ts";
import { SettingError } from "../common/setting-error.ts";
import { parseImageSize } from "../images/image-size.ts";
import { openModelFile } from "../import/network/model-file.ts";
import { digestOfAll } from "../import/onnx/read-file.ts";
import { importFiles } from "./import-file.ts";
import { isRecord, type Layer, type Recipe, resolveRecipe } from "./recipe.ts";

/** Where a recipe's files lie, if not where it says. */
export interface FilePlaces {
  /** The ONNX file of its network. */
  modelFile?: string;
  /** SHA-256 that its files must have, by name. */
  digests?: Readonly<Record<string, string>>;
}

/**
 * The recipe that results from layers of settings (`resolveRecipe`), once the modules that they import have run and the
 * file of their network has been read: what these register is known then.
 *
 * @throws PeaError of kind usage when a module or file is not there or cannot be used, or a setting does not hold
 */
export async function loadRecipe(
  layers: readonly Layer[],
  { modelFile, digests }: FilePlaces = {},
): Promise<Recipe> {
  const imported = layers
    .map(({ settings }) => (isRecord(settings) ? settings.import : undefined))
    .findLast((value) => value !== undefined);
  await importFiles(imported);
  const recipe = resolveRecipe(...layers);
  const { model, modelOutput: output, modelDigest } = recipe;
  if (!isModelFile(model)) return recipe;
  const size = parseImageSize(recipe.imageSize ?? "");
  const imageSize = size === null ? undefined : ([size.height, size.width] as const);
  const { file } = await openModelFile(model, { path: modelFile, digests, imageSize, output });
  const digest = digestOfAll(file);
  if (modelDigest !== undefined && modelDigest !== digest)
    throw new SettingError(
      (name) =>
        `${modelFile ?? model} is not the file of ${name("modelDigest")} ${modelDigest}: it has ${digest}; take that file, or leave ${name("modelDigest")} out`,
    );
  return resolveRecipe(...layers, { source: model, settings: { modelDigest: digest } });
}

/**
 * The same for settings that are only shown: where the module cannot be run they may do without it, and then do.
 *
 * @throws as `loadRecipe`, where a setting needs the module
 */
export async function loadRecipeToShow(layers: readonly Layer[], places: FilePlaces = {}): Promise<Recipe> {
  try {
    return await loadRecipe(layers, places);
  } catch (error) {
    try {
      return resolveRecipe(...layers);
    } catch {
      throw error;
    }
  }
}
