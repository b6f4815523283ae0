/**
 * The data of a run: opened, and cut into parts as its recipe says.
 *
 * @module
 */
import { scope } from "@pea/torch";
import { DecodePool } from "../data/loading/decode-pool.ts";
import type { SkippedSample } from "../data/loading/unreadable-images.ts";
import { atMost, type CutParts, cutParts } from "../data/parts/cut-parts.ts";
import { countSamples, type DataPart, disposePart, isInMemory, nameSample } from "../data/parts/part.ts";
import type { ScoredPart } from "../data/parts/part-changes.ts";
import { type PartIds, partIds, sampleIds } from "../data/parts/part-ids.ts";
import { type FoundDataset, openDataset, openTestAlone } from "../data/sets/open-dataset.ts";
import { datasetNamed } from "../data/sets/registry.ts";
import type { OpenOptions, SampleSource } from "../data/sources/sample-source.ts";
import { parseImageSize } from "../images/image-size.ts";
import type { LabelTable } from "../images/label-table.ts";
import { type PixelStatistics, pixelStatistics } from "../images/pixel-statistics.ts";
import type { EvaluationCrop, Size } from "../images/transforms/crop.ts";
import { evaluationCrop, type Recipe } from "../recipe/recipe.ts";
import { createTask } from "../tasks/registry.ts";
import type { Task } from "../tasks/task.ts";
import { requireExpectedClasses, requireExpectedCounts } from "./expected-data.ts";
import type { RunRecord } from "./parts-record.ts";

/** How images are looked at, whichever part they are of. */
export interface ImageSettings {
  /** Of the training part, or what goes with images that are streamed. */
  statistics: PixelStatistics;
  /** Channels, height, width. */
  inputShape: readonly [number, number, number];
  /** Decodes images that are streamed. */
  pool: DecodePool;
  /** What an evaluation sees of each image. */
  evaluationCrop: EvaluationCrop;
  /** Whether images are turned by their EXIF orientation. */
  exifOrientation: boolean;
  onBadSample: Recipe["onBadSample"];
  /** Told of each image that cannot be read and is left out; to be set by whoever wants to know. */
  onSkip?: (sample: SkippedSample) => void;
}

/** The test part of a run's data, and what it takes to score it. */
export interface TestData extends ImageSettings {
  test: DataPart;
  /** What networks are trained for on these data. */
  task: Task;
  /** What tells the images apart of the parts that were opened. */
  identify(): Partial<PartIds>;
  /** What an image is called, by its index among those that `identify` tells apart. */
  nameOf(part: ScoredPart, index: number): string;
}

/** The parts of a data set as a recipe cuts them. */
export interface RecipeData extends TestData {
  train: DataPart;
  /** null with valFraction 0, unless the data have a part of their own for it, or it is the test part (`validateOn`). */
  validation: DataPart | null;
  /** What to tell of what was found: what was taken for what, and what was passed over. */
  notes: readonly string[];
  /** Images whose labels are not known. */
  unlabelled: SampleSource | null;
  classes: readonly string[];
  /** What the bytes of label maps mean; null where an image has one label. */
  labelTable: LabelTable | null;
  /** Of validation images those, too, that `limitTrain` leaves out. */
  identify(): PartIds;
}

export interface OpenDataOptions {
  /** Told how far the opening of streamed data is. */
  onOpening?: OpenOptions["onOpening"];
  /** Of a run that has begun, which keeps to it whatever the data are now. */
  record?: RunRecord;
}

/**
 * Opens the data set and cuts it as `cutParts` does.
 *
 * @returns to be disposed of by `disposeData`
 * @throws PeaError of kind usage when the data are not there or too few, or have other classes than the run
 */
export async function openData(
  recipe: Recipe,
  { onOpening, record }: OpenDataOptions = {},
): Promise<RecipeData> {
  const { data, dataDir, labelBase, onMissingShard } = recipe;
  const found = await openDataset(data, dataDir, { labelBase, onMissingShard, onOpening });
  const kept = new Set<DataPart | null>();
  try {
    const data = scope(() => arrange(found, recipe, record));
    for (const part of [data.train, data.validation, data.test]) kept.add(part);
    return data;
  } finally {
    for (const part of [found.train, found.validation, found.test])
      if (part && !kept.has(part)) disposePart(part);
  }
}

/**
 * Opens what is scored in the end of the data of a run that has begun: the test part alone where that can be, for the run
 * knows all else.
 *
 * @returns to be disposed of by `disposeData`
 * @throws as `openData`
 */
export async function openTestData(
  recipe: Recipe,
  { onOpening, record }: OpenDataOptions & { record: RunRecord },
): Promise<TestData> {
  const { data, dataDir, labelBase, onMissingShard } = recipe;
  const { facts } = record;
  if (facts === null) return openData(recipe, { onOpening, record });
  const { classes, inputShape, statistics } = facts;
  const test = await openTestAlone(data, dataDir, { classes, labelBase, onMissingShard, onOpening });
  if (test === null) return openData(recipe, { onOpening, record });
  return {
    test,
    inputShape,
    statistics,
    task: createTask(datasetNamed(data).task, classes),
    identify: () => ({ test: sampleIds(test) }),
    nameOf: (_, index) => nameSample(test, index),
    ...readingOf(recipe),
  };
}

/** How a recipe has images read. */
function readingOf(recipe: Recipe): Omit<ImageSettings, "statistics" | "inputShape"> {
  const { exifOrientation, onBadSample } = recipe;
  return { pool: new DecodePool(), evaluationCrop: evaluationCrop(recipe), exifOrientation, onBadSample };
}

/** Cuts what was found; to be called in a scope, which frees the samples in memory that no part takes. */
function arrange(found: FoundDataset, recipe: Recipe, record: RunRecord | undefined): RecipeData {
  requireExpectedClasses(found.train.classes, recipe, record);
  const { unused, ...parts } = cutParts(found, recipe, record?.parts?.placesOf(found.train));
  requireExpectedCounts(found, parts, recipe);
  const { train, test } = parts;
  const validation = scoredValidation(parts, recipe, record);
  const unusedIds = takeIds(unused);
  const validationIds = validation === parts.validation ? null : takeIds(parts.validation);
  const { notes, unlabelled } = found;
  const { classes } = train;
  const labelTable = isInMemory(train) ? null : (train.labelTable ?? null);
  return {
    train,
    validation,
    test,
    notes,
    unlabelled,
    labelTable,
    task: createTask(datasetNamed(recipe.data).task, classes),
    statistics: statisticsOf(found, train, record),
    inputShape: inputShapeOf(train, recipe),
    classes,
    identify: () => ({
      ...partIds({ train, validation, test }, unusedIds()),
      ...(validationIds && { validation: validationIds() }),
    }),
    nameOf: (part, index) => nameSample(parts[part] as DataPart, index),
    ...readingOf(recipe),
  };
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

/** Ids of samples that no part takes: of those in memory they are taken while these are there, of others when asked for. */
function takeIds(part: DataPart | null): () => BigInt64Array {
  if (part === null || !isInMemory(part)) return () => sampleIds(part);
  const ids = sampleIds(part);
  return () => ids;
}

function statisticsOf(
  { statistics }: FoundDataset,
  train: DataPart,
  record: RunRecord | undefined,
): PixelStatistics {
  if (statistics !== null || !isInMemory(train)) return statistics as PixelStatistics;
  return record?.facts?.statistics ?? pixelStatistics(train.images);
}

function inputShapeOf(train: DataPart, { imageSize = "" }: Recipe): RecipeData["inputShape"] {
  if (isInMemory(train)) {
    const [, channels = 0, height = 0, width = 0] = train.images.shape;
    return [channels, height, width];
  }
  const { height, width } = parseImageSize(imageSize) as Size;
  return [3, height, width];
}

/** Frees what a data set holds in memory, and ends the threads that decode its images. */
export function disposeData({
  train,
  validation,
  test,
  pool,
}: TestData & Partial<Pick<RecipeData, "train" | "validation">>): void {
  // A set: the validation part may be the test part.
  for (const part of new Set([train, validation, test])) if (part) disposePart(part);
  void pool.close();
}
