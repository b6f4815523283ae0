/** The network a recipe asks for. */
import { type Module, manualSeed } from "@pea/torch";
import { importFile } from "../models/import-file.ts";
import { createModel } from "../models/index.ts";
import type { Recipe } from "./config.ts";

/**
 * The plain ReLU network for the data's channels and classes, with fresh weights from the recipe's seed. The module that
 * the recipe imports is run before.
 *
 * @throws PeaError of kind usage when there is no such network
 */
export async function createNetwork(
  { model, modelOptions, import: imported, seed }: Recipe,
  data: { inputShape: readonly [channels: number, height: number, width: number]; classes: number },
): Promise<Module> {
  if (imported !== undefined) await importFile(imported);
  manualSeed(seed);
  return createModel(model, { ...modelOptions, inputChannels: data.inputShape[0], classes: data.classes });
}
