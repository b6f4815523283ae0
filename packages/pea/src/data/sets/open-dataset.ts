/**
 * Opening a data set by its name, whichever it is.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { PeaError } from "@pea/core";
import { amax, amin, scope } from "@pea/torch";
import { SettingError } from "../../common/setting-error.ts";
import { imagenetStatistics } from "../../images/known-statistics.ts";
import type { PixelStatistics } from "../../images/pixel-statistics.ts";
import type { FoundParts } from "../parts/cut-parts.ts";
import { type DataPart, isInMemory } from "../parts/part.ts";
import type { SampleSource } from "../sources/sample-source.ts";
import {
  type DatasetDescriptor,
  isInFiles,
  type OpenDatasetOptions,
  type OpenTestOptions,
} from "./dataset-descriptor.ts";
import { datasetNamed } from "./registry.ts";

/** The parts of a data set as they are found, and what is known of it. */
export interface FoundDataset extends FoundParts<DataPart> {
  /** Images whose labels are not known; null where there are none. */
  readonly unlabelled: SampleSource | null;
  /** By which images are standardized; null: those of the training images. */
  readonly statistics: PixelStatistics | null;
  /** What to tell of what was found: what was taken for what, and what was passed over. */
  readonly notes: readonly string[];
}

/**
 * Opens a data set.
 *
 * @param folder where its files lie; may be left out where it has a place of its own
 * @throws PeaError (usage) for an unknown name, without a folder, or when a folder or file is missing; PeaError naming the
 *   file that is damaged, or the part that is not as it should be
 */
export async function openDataset(
  name: string,
  folder?: string,
  options: OpenDatasetOptions = {},
): Promise<FoundDataset> {
  const dataset = datasetNamed(name);
  const opened = await inPlace(dataset, folder, (place) => dataset.open(place, options));
  const { train, validation = null, test = null, unlabelled = null, notes = [] } = opened;
  const { statistics = isInFiles(dataset) ? imagenetStatistics : null } = opened;
  for (const [what, part] of Object.entries({ training: train, validation, test }))
    if (part !== null) requirePart(dataset, what, part);
  return { train, validation, test, unlabelled, statistics, notes };
}

/**
 * Opens the test part of a data set alone, where that can be.
 *
 * @param options.classes of the whole data set, known from before
 * @returns null where the data set has no test part of its own, or has to be opened whole for it
 * @throws as `openDataset`
 */
export async function openTestAlone(
  name: string,
  folder: string | undefined,
  options: OpenTestOptions,
): Promise<SampleSource | null> {
  const dataset = datasetNamed(name);
  // Classes that were numbers may have got names since, which the training part tells.
  const areNumbers = dataset.hasLabelBase && options.classes.every((label, index) => label === `${index}`);
  if (dataset.openTest === undefined || areNumbers) return null;
  const test = await inPlace(dataset, folder, async (place) => dataset.openTest?.(place, options) ?? null);
  if (test !== null) requirePart(dataset, "test", test);
  return test;
}

/** Opens data where they lie. A folder that is not there is the reason where that fails. */
async function inPlace<T>(
  dataset: DatasetDescriptor,
  folder: string | undefined,
  open: (place: string) => T | Promise<T>,
): Promise<T> {
  try {
    return await open(placeOf(dataset, folder));
  } catch (error) {
    if (folder === undefined || existsSync(folder)) throw error;
    throw usage(
      `cannot read ${folder}: there is no such folder; say with --data-dir (dataDir) where the data lie`,
    );
  }
}

/** @throws PeaError (usage) where a data set without a place of its own is given none */
function placeOf({ name, defaultFolder }: DatasetDescriptor, folder: string | undefined): string {
  const place = folder ?? defaultFolder?.path;
  if (place !== undefined) return place;
  throw new SettingError(
    (nameOf) =>
      `${nameOf("data")} ${JSON.stringify(name)} needs ${nameOf("dataDir")}, the folder its files lie in`,
  );
}

/** @throws PeaError where a part is not as the data set's description says, or a label is none of its classes */
function requirePart(dataset: DatasetDescriptor, what: string, part: DataPart | undefined): void {
  const fail = (problem: string) => new PeaError(`the ${what} part of data ${dataset.name} ${problem}`);
  if (part === undefined) throw fail("is missing");
  if (isInMemory(part) === isInFiles(dataset))
    throw fail(`is not ${dataset.images}, as the data set's description has it`);
  if (isInMemory(part)) {
    const { images, labels } = part;
    const count = images.shape[0];
    if (images.dtype !== "uint8" || images.shape.length !== 4)
      throw fail(`has images of ${images.dtype} [${images.shape}], but must have uint8 [N, C, H, W]`);
    if (labels.dtype !== "int64" || `${labels.shape}` !== `${count}`)
      throw fail(`has labels of ${labels.dtype} [${labels.shape}], but must have int64 [${count}]`);
  } else if ((part.labelTable !== undefined) !== (dataset.hasLabelMaps ?? false))
    throw fail(
      "has a labelTable where its description has no label maps (hasLabelMaps), or none where it has",
    );
  const { classes } = part;
  const wrong = extremeLabels(part).find((label) => label < 0 || label >= classes.length);
  if (wrong !== undefined)
    throw fail(`has the label ${wrong}, but the labels of its ${classes.length} classes count from 0`);
}

/** The lowest label and the highest; none where labels are groups of images. */
function extremeLabels(part: DataPart): number[] {
  if (isInMemory(part)) return scope(() => [amin, amax].map((of) => Number(of(part.labels).item())));
  if (part.labelTable !== undefined) return [];
  return [part.labels.reduce((a, b) => Math.min(a, b)), part.labels.reduce((a, b) => Math.max(a, b))];
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
