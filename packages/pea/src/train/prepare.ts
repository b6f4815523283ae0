/** From a recipe to the things a run is made of. */
import { PeaError } from "@pea/core";
import { cudaIsAvailable, type Module, manualSeed, SGD, scope, setNumThreads } from "@pea/torch";
import { isStreamed } from "../data/data-names.ts";
import { parseImageSize } from "../data/image-size.ts";
import type { LabelTable } from "../data/label-table.ts";
import { type BatchLoader, Loader, type SkippedSample } from "../data/loader.ts";
import { openInMemory } from "../data/open-in-memory.ts";
import { openStreamed } from "../data/open-streamed.ts";
import { countSamples, type DataPart, disposePart, isInMemory } from "../data/part.ts";
import type { SampleSource } from "../data/sources/sample-source.ts";
import { splitDataset } from "../data/split.ts";
import { type PixelStatistics, pixelStatistics } from "../data/statistics.ts";
import type { Size } from "../data/streaming/crop.ts";
import { DecodePool } from "../data/streaming/decode-pool.ts";
import { StreamingLoader } from "../data/streaming/streaming-loader.ts";
import { createMethod, type Method } from "../methods/index.ts";
import { createModel, decayGroups, type ModelInfo, modelInfo } from "../models/index.ts";
import type { Recipe } from "./config.ts";
import { planTraining, type TrainingPlan } from "./plan.ts";
import type { NetworkFacts } from "./run-directory.ts";
import { classification } from "./tasks/classification.ts";
import { segmentation } from "./tasks/segmentation.ts";
import type { Task } from "./tasks/task.ts";

/** Images per forward pass of an evaluation: so many small ones, or those that have so many pixels. */
const EVALUATION_BATCH = { images: 500, pixels: 64 * 224 * 224 };

/** The parts of a data set as a recipe cuts them. */
export interface RecipeData {
  train: DataPart;
  /** null with valFraction 0, unless the data have a part of their own for it. */
  validation: DataPart | null;
  test: DataPart;
  /** Images whose labels are not known. */
  unlabelled: SampleSource | null;
  /** Of the training part, or what goes with images that are streamed. */
  statistics: PixelStatistics;
  /** Channels, height, width. */
  inputShape: readonly [number, number, number];
  classes: readonly string[];
  /** What the bytes of label maps mean; null where an image has one label. */
  labelTable: LabelTable | null;
  /** What networks are trained for on these data. */
  task: Task;
  /** Decodes images that are streamed. */
  pool: DecodePool;
  onBadSample: Recipe["onBadSample"];
  /** Told of each image that cannot be read and is left out; to be set by whoever wants to know. */
  onSkip?: (sample: SkippedSample) => void;
}

/**
 * Opens the data set and cuts it: first the validation part off the training data, so that it is the same whatever
 * `limitTrain` is, then the rest to `limitTrain`. Data with a validation part beside their test part keep it.
 *
 * @throws PeaError of kind usage when the data are not there or too few
 */
export async function prepareData(recipe: Recipe): Promise<RecipeData> {
  const { data, dataDir = ".", imageSize = "", onBadSample } = recipe;
  const pool = new DecodePool();
  if (isStreamed(data)) {
    const { unlabelled, statistics, ...all } = await openStreamed(data, dataDir);
    const parts = cut(all, recipe);
    const { classes, labelTable = null } = parts.train;
    const { height, width } = parseImageSize(imageSize) as Size;
    const inputShape = [3, height, width] as const;
    const task = labelTable ? segmentation(classes) : classification(classes);
    return { ...parts, unlabelled, statistics, inputShape, classes, labelTable, task, pool, onBadSample };
  }
  return scope(() => {
    const parts = cut({ ...openInMemory(data, recipe.dataDir), validation: null }, recipe);
    const { images, classes } = parts.train;
    const [, channels = 0, height = 0, width = 0] = images.shape;
    const inputShape = [channels, height, width] as const;
    const statistics = pixelStatistics(images);
    const ofImages = { unlabelled: null, labelTable: null, task: classification(classes) };
    return { ...parts, ...ofImages, statistics, inputShape, classes, pool, onBadSample };
  });
}

interface Parts<Part extends DataPart> {
  train: Part;
  validation: Part | null;
  test: Part;
}

function cut<Part extends DataPart>(parts: Parts<Part>, recipe: Recipe): Parts<Part> {
  const { valFraction, seed } = recipe;
  const hasOwn = parts.validation !== null || valFraction === 0;
  const { train, validation } = hasOwn ? parts : splitDataset(parts.train, { share: valFraction, seed });
  return { train: limit(train, recipe), validation, test: parts.test };
}

/** A stratified draw of as many training images as `limitTrain` asks for, rounded in each class. */
function limit<Part extends DataPart>(part: Part, { limitTrain, seed }: Recipe): Part {
  const available = countSamples(part);
  const count = limitTrain <= 1 ? Math.round(limitTrain * available) : limitTrain;
  if (count > available)
    throw new PeaError(
      `limitTrain is ${limitTrain}, but there are only ${available} training images beside the validation part`,
      { kind: "usage" },
    );
  return count === available ? part : splitDataset(part, { share: count / available, seed }).validation;
}

/** A loader of the training part: shuffled, augmented. */
export function trainingLoader(
  { train, statistics, inputShape, pool, onBadSample, onSkip }: RecipeData,
  { batchSize, seed, flip, cropPadding, trainCrop, device }: Recipe,
): BatchLoader {
  const training = { seed, flip, padding: cropPadding };
  const options = { batchSize, statistics, device };
  if (isInMemory(train)) return new Loader(train, { ...options, training });
  const [, height, width] = inputShape;
  const streaming = { pool, size: { width, height }, onBadSample, onSkip };
  return new StreamingLoader(train, { ...options, ...streaming, training: { ...training, crop: trainCrop } });
}

/** A loader of every image of `part` in order, for evaluation. */
export function evaluationLoader(
  part: DataPart,
  { statistics, inputShape, pool, onBadSample, onSkip }: RecipeData,
  device: string,
): BatchLoader {
  const [, height, width] = inputShape;
  const { images, pixels } = EVALUATION_BATCH;
  const batchSize = Math.max(1, Math.min(images, Math.floor(pixels / (height * width))));
  const options = { batchSize, statistics, device };
  if (isInMemory(part)) return new Loader(part, options);
  return new StreamingLoader(part, { ...options, pool, size: { width, height }, onBadSample, onSkip });
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
export async function prepareRun(recipe: Recipe): Promise<PreparedRun> {
  const { device, seed } = recipe;
  if (device.startsWith("cuda") && !cudaIsAvailable())
    throw new PeaError(
      `device is ${device}, but this engine finds no GPU it can use; see \`pea doctor\`, or take device cpu`,
      { kind: "usage" },
    );
  if (recipe.threads > 0) setNumThreads(recipe.threads);
  const method = createMethod(recipe);
  const data = await prepareData(recipe);
  let model: Module | undefined;
  try {
    if (recipe.diagnose && data.validation === null)
      throw new PeaError(
        "diagnose looks at validation images, but there are none; take a valFraction above 0",
        {
          kind: "usage",
        },
      );
    const plan = planTraining(recipe, countSamples(data.train));
    manualSeed(seed);
    model = createModel(recipe.model, {
      inputChannels: data.inputShape[0],
      classes: data.classes.length,
    });
    const info = modelInfo(model, data.inputShape);
    requireAnswers(recipe, info, data);
    model.to({ device, memoryFormat: "channels_last" });
    method.onFit({ model, totalSteps: plan.totalSteps, stepsPerEpoch: plan.stepsPerEpoch, seed });
    return { data, info, plan, model, method, optimizer: createOptimizer(model, recipe) };
  } catch (error) {
    disposeData(data);
    model?.dispose();
    throw error;
  }
}

/** The network answers once per image, or once per pixel, as the task wants it. */
function requireAnswers(
  { model, data }: Recipe,
  { outputShape }: ModelInfo,
  { task, inputShape }: RecipeData,
): void {
  const wanted = task.outputShape(inputShape);
  if (`${wanted}` === `${outputShape}`) return;
  throw new PeaError(
    `${model} answers ${outputShape.join("×")} numbers for an image of ${inputShape.join("×")}, but ${data} needs ` +
      `${wanted.join("×")}; for ${task.name} take ${task.exampleNetwork}`,
    { kind: "usage" },
  );
}

/** What the data made of a run, for those who open its network without them. */
export function networkFacts({ data, plan }: PreparedRun): NetworkFacts {
  const { inputShape, classes, statistics } = data;
  const { stepsPerEpoch, totalSteps } = plan;
  return { inputShape, classes, statistics, stepsPerEpoch, totalSteps };
}

/** Frees the memory of a run that is no longer needed: data, network and optimizer. */
export function disposeRun({ data, model, optimizer }: PreparedRun): void {
  disposeData(data);
  optimizer.dispose();
  model.dispose();
}

function disposeData({ train, validation, test, pool }: RecipeData): void {
  for (const part of [train, validation, test]) if (part) disposePart(part);
  void pool.close();
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
