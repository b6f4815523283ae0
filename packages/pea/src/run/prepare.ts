/** From a recipe to the things a run is made of. */
import { PeaError } from "@pea/core";
import { cudaIsAvailable, type Module, type Optimizer, scope, setNumThreads } from "@pea/torch";
import { DecodePool } from "../data/loading/decode-pool.ts";
import { type BatchLoader, Loader } from "../data/loading/loader.ts";
import { StreamingLoader } from "../data/loading/streaming-loader.ts";
import type { SkippedSample } from "../data/loading/unreadable-images.ts";
import { atMost, type CutParts, cutParts, type FoundParts } from "../data/parts/cut-parts.ts";
import type { PartSizes } from "../data/parts/describe-parts.ts";
import { countSamples, type DataPart, disposePart, isInMemory, nameSample } from "../data/parts/part.ts";
import type { ScoredPart } from "../data/parts/part-changes.ts";
import { type PartIds, partIds, sampleIds } from "../data/parts/part-ids.ts";
import { hasLabelBase, hasLabelMaps, isStreamed } from "../data/sets/data-names.ts";
import { openInMemory } from "../data/sets/open-in-memory.ts";
import { openStreamed } from "../data/sets/open-streamed.ts";
import { enumerate } from "../data/sources/list-folder.ts";
import type { OpenOptions, SampleSource } from "../data/sources/sample-source.ts";
import type { EvaluationCrop, Size } from "../images/crop.ts";
import { parseImageSize } from "../images/image-size.ts";
import { classLabels, type LabelTable } from "../images/label-table.ts";
import { type PixelStatistics, pixelStatistics } from "../images/pixel-statistics.ts";
import { createMethod, type Method } from "../methods/index.ts";

import { type ModelInfo, modelInfo } from "../models/index.ts";

import type { Recipe } from "../recipe/recipe.ts";
import { classification } from "../tasks/classification/classification.ts";
import { segmentation } from "../tasks/segmentation/segmentation.ts";
import type { Task } from "../tasks/task.ts";
import { createNetwork } from "./create-network.ts";
import { createOptimizer } from "./create-optimizer.ts";
import type { RunRecord } from "./parts-record.ts";
import { planTraining, type TrainingPlan } from "./plan.ts";
import type { NetworkFacts } from "./run-directory.ts";

/** Images per forward pass of an evaluation: so many small ones, or those that have so many pixels. */
const EVALUATION_BATCH = { images: 500, pixels: 64 * 224 * 224 };

/** The parts of a data set as a recipe cuts them. */
export interface RecipeData {
  train: DataPart;
  /** null with valFraction 0, unless the data have a part of their own for it, or it is the test part (`validateOn`). */
  validation: DataPart | null;
  test: DataPart;
  /** What to tell of what was found: what was taken for what, and what was passed over. */
  notes: readonly string[];
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
  /** What an evaluation sees of each image. */
  evaluationCrop: EvaluationCrop;
  /** Whether images are turned by their EXIF orientation. */
  exifOrientation: boolean;
  onBadSample: Recipe["onBadSample"];
  /** Told of each image that cannot be read and is left out; to be set by whoever wants to know. */
  onSkip?: (sample: SkippedSample) => void;
  /** What tells the images of all parts apart; of validation images those, too, that `limitTrain` leaves out. */
  identify(): PartIds;
  /** What an image is called, by its index among those that `identify` tells apart. */
  nameOf(part: ScoredPart, index: number): string;
}

export interface PrepareOptions {
  /** Told how far the opening of streamed data is. */
  onOpening?: OpenOptions["onOpening"];
  /** Of a run that has begun, which keeps to it whatever the data are now. */
  record?: RunRecord;
  /** Shown the plain ReLU network, before the method changes it. */
  onNetwork?: (model: Module, inputShape: readonly number[]) => void;
}

/**
 * Opens the data set and cuts it as `cutParts` does.
 *
 * @throws PeaError of kind usage when the data are not there or too few, or have other classes than the run
 */
export async function prepareData(
  recipe: Recipe,
  { onOpening, record }: PrepareOptions = {},
): Promise<RecipeData> {
  const { data, dataDir, labelBase, onMissingShard, imageSize = "", exifOrientation, onBadSample } = recipe;
  if (data !== "fashion-mnist" && dataDir === undefined)
    throw new PeaError(`data ${JSON.stringify(data)} needs dataDir, the folder its files lie in`, {
      kind: "usage",
    });
  const pool = new DecodePool();
  const common = { pool, evaluationCrop: evaluationCrop(recipe), exifOrientation, onBadSample };
  if (isStreamed(data)) {
    const { unlabelled, statistics, notes, ...found } = await openStreamed(data, dataDir as string, {
      onOpening,
      labelBase,
      onMissingShard,
    });
    requireClasses(found.train.classes, recipe, record);
    const { unused, ...parts } = cut(found, recipe, record);
    const identify = () => partIds(parts, sampleIds(unused));
    const nameOf = (part: ScoredPart, index: number) => nameSample(parts[part] as DataPart, index);
    const { classes, labelTable = null } = parts.train;
    const { height, width } = parseImageSize(imageSize) as Size;
    const inputShape = [3, height, width] as const;
    const task = labelTable ? segmentation(classes) : classification(classes);
    const validation = scoredValidation(parts, recipe, record);
    const ofImages = { notes, unlabelled, labelTable, task };
    return {
      ...parts,
      validation,
      ...ofImages,
      statistics,
      inputShape,
      classes,
      identify,
      nameOf,
      ...common,
    };
  }
  return scope(() => {
    const { notes = [], ...whole } = openInMemory(data, dataDir, { labelBase });
    const found = { ...whole, validation: null };
    requireClasses(found.train.classes, recipe, record);
    const { unused, ...parts } = cut(found, recipe, record);
    // What is unused is freed with this scope.
    const unusedIds = sampleIds(unused);
    const validation = scoredValidation(parts, recipe, record);
    const wholeIds = validation === parts.validation ? null : { validation: sampleIds(parts.validation) };
    const identify = () => ({ ...partIds({ ...parts, validation }, unusedIds), ...wholeIds });
    const nameOf = (part: ScoredPart, index: number) => nameSample(parts[part] as DataPart, index);
    const { images, classes } = parts.train;
    const [, channels = 0, height = 0, width = 0] = images.shape;
    const inputShape = [channels, height, width] as const;
    const statistics = record?.facts?.statistics ?? pixelStatistics(images);
    const ofImages = { notes, unlabelled: null, labelTable: null, task: classification(classes) };
    return {
      ...parts,
      validation,
      ...ofImages,
      statistics,
      inputShape,
      classes,
      identify,
      nameOf,
      ...common,
    };
  });
}

/**
 * The validation images that are scored: no more than `limitTrain` leaves for training. A run that is older than its
 * record of parts is older than this rule, too.
 */
function scoredValidation<Part extends DataPart>(
  { train, validation, test }: Omit<CutParts<Part>, "unused">,
  { limitTrain, splitBy, seed }: Recipe,
  record: RunRecord | undefined,
): Part | null {
  const isOlder = record !== undefined && record.parts === null;
  if (limitTrain === 1 || validation === null || validation === test || isOlder) return validation;
  return atMost(validation, countSamples(train), { splitBy, seed });
}

/**
 * Classes that were told apart by their numbers may have got names since: by `classes.txt`, or since examples' own names
 * are read.
 *
 * @throws PeaError of kind usage where the data have other classes than those that a run was trained on
 */
function requireClasses(classes: readonly string[], { data }: Recipe, record: RunRecord | undefined): void {
  const before = record?.facts?.classes ?? classes;
  if (JSON.stringify(before) === JSON.stringify(classes)) return;
  const wereNumbers = hasLabelBase(data) && before.every((name, label) => name === `${label}`);
  if (wereNumbers && before.length === classes.length) return;
  const [added, gone] = [
    classes.filter((name) => !before.includes(name)),
    before.filter((name) => !classes.includes(name)),
  ];
  const changes = [
    ...(added.length > 0 ? [`new: ${enumerate(added)}`] : []),
    ...(gone.length > 0 ? [`gone: ${enumerate(gone)}`] : []),
  ];
  throw new PeaError(
    `the data have not the classes that the run was trained on (${changes.join("; ") || "they are in another order"}); ` +
      "give it the data it began with (--data-dir), or begin another run",
    { kind: "usage" },
  );
}

/** @throws PeaError of kind usage where the data are not what the recipe expects, or too few for it */
function cut<Part extends DataPart>(
  found: FoundParts<Part>,
  recipe: Recipe,
  record: RunRecord | undefined,
): CutParts<Part> {
  const parts = cutParts(found, recipe, record?.parts?.placesOf(found.train));
  const { data, expected } = recipe;
  if (expected === undefined) return parts;
  const test = countSamples(parts.test);
  const counts = {
    train: countSamples(found.train) - (found.test === null ? test : 0),
    test,
    classes: parts.train.classes.length,
  };
  for (const key of ["train", "test", "classes"] as const)
    if (counts[key] !== expected[key])
      throw new PeaError(
        `expected.${key} is ${expected[key]}, but the ${data} data have ${counts[key]}; complete the data, or give the ` +
          `recipe what they hold (--expected-${key} ${counts[key]})`,
        { kind: "usage" },
      );
  return parts;
}

/** A loader of the training part: shuffled, augmented. */
export function trainingLoader(
  data: RecipeData,
  { batchSize, seed, flip, cropPadding, trainCrop, device }: Recipe,
  { stepsPerEpoch }: Partial<TrainingPlan> = {},
): BatchLoader {
  const { train, statistics } = data;
  const training = { seed, stepsPerEpoch, flip, padding: cropPadding };
  const options = { batchSize, statistics, device };
  if (isInMemory(train)) return new Loader(train, { ...options, training });
  return new StreamingLoader(train, {
    ...options,
    ...streamingOptions(data),
    training: { ...training, crop: trainCrop },
  });
}

/** A loader of every image of `part` in order, for evaluation. */
export function evaluationLoader(part: DataPart, data: RecipeData, device: string): BatchLoader {
  const { statistics, inputShape } = data;
  const [, height, width] = inputShape;
  const { images, pixels } = EVALUATION_BATCH;
  const batchSize = Math.max(1, Math.min(images, Math.floor(pixels / (height * width))));
  const options = { batchSize, statistics, device };
  if (isInMemory(part)) return new Loader(part, options);
  return new StreamingLoader(part, { ...options, ...streamingOptions(data) });
}

function streamingOptions({ inputShape, ...data }: RecipeData) {
  const { pool, evaluationCrop, exifOrientation, onBadSample, onSkip } = data;
  const [, height, width] = inputShape;
  return { pool, size: { width, height }, evaluationCrop, exifOrientation, onBadSample, onSkip };
}

/** What an evaluation sees of an image: all of one that the recipe does not crop. */
export function evaluationCrop({ evalCrop = "whole" }: Recipe): EvaluationCrop {
  return evalCrop;
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
  optimizer: Optimizer;
}

/**
 * Builds what a recipe describes: data, fresh weights from the recipe's seed, the method fitted to the network.
 *
 * @returns to be disposed of by `disposeRun`
 * @throws PeaError of kind usage when the parts do not fit together
 */
export async function prepareRun(recipe: Recipe, options: PrepareOptions = {}): Promise<PreparedRun> {
  const { device } = recipe;
  if (device.startsWith("cuda") && !cudaIsAvailable())
    throw new PeaError(
      `device is ${device}, but this engine finds no GPU it can use; see \`pea doctor\`, or take device cpu`,
      { kind: "usage" },
    );
  if (recipe.threads > 0) setNumThreads(recipe.threads);
  const method = createMethod(recipe);
  const data = await prepareData(recipe, options);
  try {
    if (recipe.diagnose && data.validation === null)
      throw new PeaError(
        "diagnose looks at validation images, but there are none; take a valFraction above 0",
        { kind: "usage" },
      );
    const shape = {
      ...data,
      trainImages: countSamples(data.train),
      stepsPerEpoch: options.record?.facts?.stepsPerEpoch,
    };
    return { data, ...prepareModel(recipe, method, shape, options) };
  } catch (error) {
    disposeData(data);
    throw error;
  }
}

/** The network answers once per image, or once per pixel, as the task wants it. */
function requireAnswers(
  { model, data }: Recipe,
  { outputShape }: ModelInfo,
  { task, inputShape }: Pick<RecipeData, "task" | "inputShape">,
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
  const { inputShape, classes, labelTable, statistics } = data;
  const { stepsPerEpoch, totalSteps } = plan;
  const labels = labelTable && { labels: classLabels(labelTable) };
  return { inputShape, classes, ...labels, statistics, stepsPerEpoch, totalSteps };
}

/** What a network and the plan of its training need to know of the data. */
interface DataShape extends Pick<RecipeData, "inputShape" | "classes" | "task"> {
  trainImages: number;
  /** Of a run that has begun. */
  stepsPerEpoch?: number;
}

/**
 * The part of a run that needs no data to be there.
 *
 * @param method not fitted yet
 * @throws PeaError of kind usage when the parts do not fit together
 */
function prepareModel(
  recipe: Recipe,
  method: Method,
  { trainImages, stepsPerEpoch, ...data }: DataShape,
  { onNetwork }: PrepareOptions = {},
): Omit<PreparedRun, "data"> {
  const { device, seed } = recipe;
  const plan = planTraining(recipe, trainImages, stepsPerEpoch);
  const model = createNetwork(recipe, { inputShape: data.inputShape, classes: data.classes.length });
  try {
    const info = modelInfo(model, data.inputShape);
    requireAnswers(recipe, info, data);
    onNetwork?.(model, data.inputShape);
    model.to({ device, memoryFormat: "channels_last" });
    method.onFit({ model, totalSteps: plan.totalSteps, stepsPerEpoch: plan.stepsPerEpoch, seed });
    return { info, plan, model, method, optimizer: createOptimizer(model, recipe) };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/**
 * The plan of a run for data of which the recipe says what they hold (`expected`), which need not be there. Parts that are
 * split off have their share exactly; drawn by name they have it on average.
 *
 * @throws PeaError of kind usage where it does not say so
 */
export function prepareWithoutData(recipe: Recipe): Omit<PreparedRun, "data"> & { images: PartSizes } {
  const { data, expected, limitTrain, valFraction, validateOn } = recipe;
  const size = parseImageSize(recipe.imageSize ?? "");
  if (expected === undefined || size === null)
    throw new PeaError(
      `data ${JSON.stringify(data)} needs dataDir, the folder its files lie in; without it a plan can be made of ` +
        "images of a size of the recipe's choice, where `expected` says how many there are",
      { kind: "usage" },
    );
  const split = Math.round(valFraction * expected.train);
  const train = limitTrain <= 1 ? Math.round(limitTrain * (expected.train - split)) : limitTrain;
  const classes = Array.from({ length: expected.classes }, (_, index) => String(index));
  const shape: DataShape = {
    trainImages: train,
    inputShape: [3, size.height, size.width],
    classes,
    task: hasLabelMaps(data) ? segmentation(classes) : classification(classes),
  };
  const { test } = expected;
  const validation = validateOn === "test" ? test : limitTrain === 1 ? split : Math.min(split, train);
  return {
    images: { train, validation, test },
    ...prepareModel(recipe, createMethod(recipe), shape),
  };
}

/** Frees the memory of a run that is no longer needed: data, network and optimizer. */
export function disposeRun({ model, optimizer, ...rest }: PreparedRun | Omit<PreparedRun, "data">): void {
  if ("data" in rest) disposeData(rest.data);
  optimizer.dispose();
  model.dispose();
}

/** Frees what a data set holds in memory, and ends the threads that decode its images. */
export function disposeData({ train, validation, test, pool }: RecipeData): void {
  // A set: the validation part may be the test part.
  for (const part of new Set([train, validation, test])) if (part) disposePart(part);
  void pool.close();
}
