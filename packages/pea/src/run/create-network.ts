/** The network a recipe asks for. */
import { useKernels } from "@pea/kernels";
import { type Module, manualSeed } from "@pea/torch";
import { isModelFile } from "../common/model-file-name.ts";
import { createModel } from "../models/index.ts";
import type { Recipe } from "../recipe/recipe.ts";

/**
 * The plain ReLU network for the data's channels and classes, with fresh weights from the recipe's seed. It runs on
 * the fused operators.
 *
 * @throws PeaError of kind usage when there is no such network
 */
export function createNetwork(
  { model, modelOptions, fresh, addBatchNorm, seed }: Recipe,
  data: { inputShape: readonly [channels: number, height: number, width: number]; classes: number },
): Module {
  useKernels();
  manualSeed(seed);
  const [inputChannels, height, width] = data.inputShape;
  return createModel(model, {
    ...modelOptions,
    ...(isModelFile(model) && { fresh, addBatchNorm }),
    inputChannels,
    imageSize: [height, width],
    classes: data.classes,
  });
}
