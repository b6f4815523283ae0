/** Data sets whose images stay in files: their parts, found in a folder. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { openCityscapes } from "./cityscapes/open-cityscapes.ts";
import { listedClasses } from "./class-names.ts";
import type { StreamedName } from "./data-names.ts";
import { openImageFolder } from "./sources/image-folder.ts";
import type { OpenOptions, SampleSource } from "./sources/sample-source.ts";
import { findShards, type PartName, partOf } from "./sources/shards.ts";
import { isTfRecordName, openTfRecords } from "./sources/tfrecord-images.ts";
import { isTarName, openWebDataset } from "./sources/webdataset.ts";
import { splitDataset } from "./split.ts";
import { imagenetStatistics, type PixelStatistics, unitStatistics } from "./statistics.ts";

/** What a format's parts are made of, and how they are opened. */
interface Format<Files> {
  /** How the parts look in a folder, for messages. */
  readonly layout: string;
  find(folder: string): Map<PartName, Files>;
  open(files: Files, options: OpenOptions): Promise<SampleSource>;
}

const formats = {
  imagefolder: {
    layout: "folders named train and val (or validation), with a folder of images for each class",
    find: findFolders,
    open: openImageFolder,
  } satisfies Format<string>,
  tfrecord: {
    layout: "files named like train-00000-of-01024 and validation-00000-of-00128",
    find: (folder: string) => findShards(folder, isTfRecordName),
    open: openTfRecords,
  } satisfies Format<readonly string[]>,
  webdataset: {
    layout: "files named like train-000000.tar and val-000000.tar",
    find: (folder: string) => findShards(folder, isTarName),
    open: openWebDataset,
  } satisfies Format<readonly string[]>,
} satisfies Record<Exclude<StreamedName, "cityscapes">, unknown>;

/** The parts of a data set. */
export interface StreamedParts {
  readonly train: SampleSource;
  /** null where the data have no part of their own for it: then `test` is what they call validation. */
  readonly validation: SampleSource | null;
  readonly test: SampleSource;
  /** Images whose labels are not known; null where there are none. */
  readonly unlabelled: SampleSource | null;
  /** By which images are standardized. */
  readonly statistics: PixelStatistics;
}

/**
 * Opens the parts of a data set. With two parts, as ImageNet has them, the second one is the test part, whatever it is
 * called; with three each is what it is called. Labels of all parts count in the classes of the training part, or in
 * those that a file `classes.txt` in the folder lists.
 *
 * Folders of images that are not sorted into parts have a tenth of each class split off as the test part.
 *
 * @throws PeaError (usage) when the folder holds no such parts; what opening a part throws
 */
export async function openStreamed(
  name: StreamedName,
  folder: string,
  { labelBase, onOpening }: Pick<OpenOptions, "labelBase" | "onOpening"> = {},
): Promise<StreamedParts> {
  if (name === "cityscapes")
    return { ...(await openCityscapes(folder)), validation: null, statistics: unitStatistics };
  const format = formats[name] as Format<unknown>;
  const found = format.find(folder);
  if (name === "imagefolder" && found.size === 0) return splitClassFolders(folder);
  const [train, validation, test] = (["train", "validation", "test"] as const).map((part) => found.get(part));
  const last = test ?? validation;
  if (train === undefined || last === undefined) {
    const missing = train === undefined ? "training" : "validation or test";
    throw new PeaError(`${folder} has no ${missing} part; ${name} needs ${format.layout}`, { kind: "usage" });
  }
  const training = await format.open(train, {
    classes: name === "imagefolder" ? undefined : listedClasses(folder),
    labelBase,
    onOpening,
  });
  const other = (files: unknown) => format.open(files, { classes: training.classes, labelBase, onOpening });
  return {
    train: training,
    validation: test !== undefined && validation !== undefined ? await other(validation) : null,
    test: await other(last),
    unlabelled: null,
    statistics: imagenetStatistics,
  };
}

/** Share of the images that become the test part where the data have none. */
const TEST_SHARE = 0.1;

/** Of class folders that are not sorted into parts: a part for testing split off, the same one whatever the recipe. */
async function splitClassFolders(folder: string): Promise<StreamedParts> {
  const whole = await openImageFolder(folder);
  const count = whole.labels.length;
  if (count < 1 / TEST_SHARE)
    throw new PeaError(
      `${folder} has no training and test part, and ${count} images are too few to split one off; imagefolder needs ` +
        formats.imagefolder.layout,
      { kind: "usage" },
    );
  const { train, validation: test } = splitDataset(whole, { share: TEST_SHARE, seed: 0 });
  return { train, validation: null, test, unlabelled: null, statistics: imagenetStatistics };
}

/** Folders named after parts. */
function findFolders(folder: string): Map<PartName, string> {
  const parts = new Map<PartName, string>();
  try {
    for (const name of readdirSync(folder)) {
      const part = partOf(name);
      if (part && /^[a-z]+$/i.test(name)) parts.set(part, join(folder, name));
    }
  } catch (error) {
    throw new PeaError(`cannot read ${folder}: ${(error as Error).message}`, { kind: "usage" });
  }
  return parts;
}
