/** The network a recipe asks for. */
import { useKernels } from "@pea/kernels";
import { type Module, manualSeed } from "@pea/torch";
import { isModelFile } from "../common/model-file-name.ts";
import { boundOfReLU } from "../common/relu-name.ts";
import { setReLU } from "../methods/activation-modules.ts";
import { createModel } from "../models/index.ts";
import type { Recipe } from "../recipe/recipe.ts";

/**
 * The plain ReLU network for the data's channels and classes, with fresh weights from the recipe's seed. It runs on
 * the fused operators.
 *
 * @throws PeaError of kind usage when there is no such network
 */
export function createNetwork(
  { model, modelOptions, fresh, addBatchNorm, relu, seed }: Recipe,
  data: { inputShape: readonly [channels: number, height: number, width: number]; classes: number },
): Module {
  useKernels();
  manualSeed(seed);
  const [inputChannels, height, width] = data.inputShape;
  const network = createModel(model, {
    ...modelOptions,
    ...(isModelFile(model) && { fresh, addBatchNorm }),
    inputChannels,
    imageSize: [height, width],
    classes: data.classes,
  });
  try {
    setReLU(network, boundOfReLU(relu) as number);
    return network;
  } catch (error) {
    network.dispose();
    throw error;
  }
}
