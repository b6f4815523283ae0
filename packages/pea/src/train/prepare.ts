/** From a recipe to the things a run is made of. */
import { PeaError } from "@pea/core";
import { cudaIsAvailable, type Module, manualSeed, SGD, scope, setNumThreads } from "@pea/torch";
import type { Dataset } from "../data/dataset.ts";
import { loadFashionMnist } from "../data/fashion-mnist.ts";
import { Loader } from "../data/loader.ts";
import { splitDataset } from "../data/split.ts";
import { type PixelStatistics, pixelStatistics } from "../data/statistics.ts";
import { createMethod, type Method } from "../methods/index.ts";
import { createModel, decayGroups, type ModelInfo, modelInfo } from "../models/index.ts";
import type { Recipe } from "./config.ts";
import { planTraining, type TrainingPlan } from "./plan.ts";

/** Images per forward pass of an evaluation. */
const EVALUATION_BATCH = 500;

/** The parts of a data set as a recipe cuts them. */
export interface RecipeData {
  train: Dataset;
  /** null with valFraction 0. */
  validation: Dataset | null;
  test: Dataset;
  /** Of the training part. */
  statistics: PixelStatistics;
  /** Channels, height, width. */
  inputShape: readonly [number, number, number];
  classes: readonly string[];
}

/**
 * Reads the data set and cuts it: first the validation part off the training data, so that it is the same whatever
 * `limitTrain` is, then the rest to `limitTrain`.
 *
 * @throws PeaError of kind usage when the data are not there or too few
 */
export function prepareData(recipe: Recipe): RecipeData {
  const { dataDir, valFraction, seed } = recipe;
  return scope(() => {
    const { train: all, test } = loadFashionMnist({ dir: dataDir });
    const { train: rest, validation } =
      valFraction === 0 ? { train: all, validation: null } : splitDataset(all, { share: valFraction, seed });
    const train = limit(rest, recipe);
    const [, channels = 0, height = 0, width = 0] = train.images.shape;
    return {
      train,
      validation,
      test,
      statistics: pixelStatistics(train.images),
      inputShape: [channels, height, width],
      classes: train.classes,
    };
  });
}

/** A stratified draw of as many training images as `limitTrain` asks for, rounded in each class. */
function limit(dataset: Dataset, { limitTrain, seed }: Recipe): Dataset {
  const available = dataset.labels.numel;
  const count = limitTrain <= 1 ? Math.round(limitTrain * available) : limitTrain;
  if (count > available)
    throw new PeaError(
      `limitTrain is ${limitTrain}, but there are only ${available} training images beside the validation part`,
      { kind: "usage" },
    );
  return count === available ? dataset : splitDataset(dataset, { share: count / available, seed }).validation;
}

/** A loader of every image of `part` in order, for evaluation. */
export function evaluationLoader(part: Dataset, { statistics }: RecipeData, device: string): Loader {
  return new Loader(part, { batchSize: EVALUATION_BATCH, statistics, device });
}

/** Everything a run needs, at step 0. */
export interface PreparedRun {
  data: RecipeData;
  /** Of the plain ReLU network. */
  info: ModelInfo;
  plan: TrainingPlan;
  model: Module;
  /** Fitted. */
  method: Method;
  optimizer: SGD;
}

/**
 * Builds what a recipe describes: data, fresh weights from the recipe's seed, the method fitted to the network.
 *
 * @returns to be disposed of by `disposeRun`
 * @throws PeaError of kind usage when the parts do not fit together
 */
export function prepareRun(recipe: Recipe): PreparedRun {
  const { device, seed } = recipe;
  if (device.startsWith("cuda") && !cudaIsAvailable())
    throw new PeaError(
      `device is ${device}, but this engine finds no GPU it can use; see \`pea doctor\`, or take device cpu`,
      { kind: "usage" },
    );
  if (recipe.threads > 0) setNumThreads(recipe.threads);
  const method = createMethod(recipe);
  const data = prepareData(recipe);
  let model: Module | undefined;
  try {
    const plan = planTraining(recipe, data.train.labels.numel);
    manualSeed(seed);
    model = createModel(recipe.model, {
      inputChannels: data.inputShape[0],
      classes: data.classes.length,
    });
    const info = modelInfo(model, data.inputShape);
    model.to({ device, memoryFormat: "channels_last" });
    method.onFit({ model, totalSteps: plan.totalSteps, stepsPerEpoch: plan.stepsPerEpoch, seed });
    return { data, info, plan, model, method, optimizer: createOptimizer(model, recipe) };
  } catch (error) {
    disposeData(data);
    model?.dispose();
    throw error;
  }
}

/** Frees the memory of a run that is no longer needed: data, network and optimizer. */
export function disposeRun({ data, model, optimizer }: PreparedRun): void {
  disposeData(data);
  optimizer.dispose();
  model.dispose();
}

function disposeData({ train, validation, test }: RecipeData): void {
  for (const part of [train, validation, test]) {
    part?.images.dispose();
    part?.labels.dispose();
  }
}

/** SGD in PyTorch's form; Keras' penalty has twice the gradient (spec recipes 1.4). */
function createOptimizer(model: Module, { lr, momentum, nesterov, l2 }: Recipe): SGD {
  const { decayed, notDecayed } = decayGroups(model);
  const weightDecay = l2.form === "keras" ? 2 * l2.coef : l2.coef;
  const groups = [{ parameters: decayed, weightDecay }, { parameters: notDecayed }];
  return new SGD(
    groups.filter((group) => group.parameters.length > 0),
    { lr, momentum, nesterov },
  );
}
