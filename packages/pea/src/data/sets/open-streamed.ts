/** Data sets whose images stay in files: their parts, found in a folder. */
import { PeaError } from "@pea/core";
import { describePassedOver, sumCounts } from "../../images/image-names.ts";
import { imagenetStatistics, type PixelStatistics, unitStatistics } from "../../images/pixel-statistics.ts";
import { listedClasses } from "../sources/class-names.ts";
import { findPartFolders } from "../sources/part-folders.ts";
import type { PartName } from "../sources/part-names.ts";
import type { OpenOptions, SampleSource } from "../sources/sample-source.ts";
import { type FindShardsOptions, findShards } from "../sources/shards.ts";
import { openCityscapes } from "./cityscapes/open-cityscapes.ts";
import type { StreamedName } from "./data-names.ts";
import { openImageFolder } from "./image-folder.ts";
import { isTfRecordName, openTfRecords } from "./tfrecord.ts";
import { isTarName, openWebDataset } from "./webdataset.ts";

/** The parts in a folder, and what to tell of them. */
interface Found<Files> {
  readonly parts: ReadonlyMap<PartName, Files>;
  readonly notes: readonly string[];
}

/** What a format's parts are made of, and how they are opened. */
interface Format<Files> {
  /** How the parts look in a folder, for messages. */
  readonly layout: string;
  find(folder: string, options: FindShardsOptions): Found<Files> | Promise<Found<Files>>;
  open(files: Files, options: OpenOptions): Promise<SampleSource>;
}

const formats = {
  imagefolder: {
    layout:
      "folders named train and val, with a folder of images for each class, or such class folders alone",
    find: findFolders,
    open: openImageFolder,
  } satisfies Format<string>,
  tfrecord: {
    layout: "files named like train-00000-of-01024 and validation-00000-of-00128",
    find: (folder, options) => findShards(folder, isTfRecordName, options),
    open: openTfRecords,
  } satisfies Format<readonly string[]>,
  webdataset: {
    layout: "files named like train-000000.tar and val-000000.tar",
    find: (folder, options) => findShards(folder, isTarName, options),
    open: openWebDataset,
  } satisfies Format<readonly string[]>,
} satisfies Record<Exclude<StreamedName, "cityscapes">, unknown>;

/** How a data set is found and read. */
export type OpenStreamedOptions = FindShardsOptions & Pick<OpenOptions, "labelBase" | "onOpening">;

/** The parts of a data set as they are found. */
export interface StreamedParts {
  readonly train: SampleSource;
  /** null where the data have no part of their own for it: then `test` is what they call validation. */
  readonly validation: SampleSource | null;
  /** null where the data have but one part, or none at all: then it is to be split off. */
  readonly test: SampleSource | null;
  /** Images whose labels are not known; null where there are none. */
  readonly unlabelled: SampleSource | null;
  /** By which images are standardized. */
  readonly statistics: PixelStatistics;
  /** What to tell of what was found: what was taken for what, and what was passed over. */
  readonly notes: readonly string[];
}

/**
 * Opens the parts of a data set. With two parts, as ImageNet has them, the second one is the test part, whatever it is
 * called; with three each is what it is called. Labels of all parts count in the classes of the training part, or in
 * those that a file `classes.txt` in the folder lists. Images that are not sorted into parts are all training images.
 *
 * @throws PeaError (usage) when the folder holds no such parts; what opening a part throws
 */
export async function openStreamed(
  name: StreamedName,
  folder: string,
  { labelBase, onMissingShard, onOpening }: OpenStreamedOptions = {},
): Promise<StreamedParts> {
  if (name === "cityscapes")
    return { ...(await openCityscapes(folder)), validation: null, statistics: unitStatistics, notes: [] };
  const format = formats[name] as Format<unknown>;
  const { parts, notes } = await format.find(folder, { onMissingShard });
  const [train, validation, test] = (["train", "validation", "test"] as const).map((part) => parts.get(part));
  const last = test ?? validation;
  if (train === undefined)
    throw new PeaError(`${folder} has no training part; ${name} needs ${format.layout}`, { kind: "usage" });
  const training = await format.open(train, {
    classes: name === "imagefolder" ? undefined : listedClasses(folder),
    labelBase,
    onOpening,
  });
  const open = async (files: unknown) =>
    files === undefined ? null : format.open(files, { classes: training.classes, labelBase, onOpening });
  const sources = {
    train: training,
    validation: test === undefined ? null : await open(validation),
    test: await open(last),
  };
  const counts = Object.values(sources).flatMap((source) => source?.passedOver ?? []);
  const passedOver = describePassedOver(sumCounts(counts));
  return {
    ...sources,
    unlabelled: null,
    statistics: imagenetStatistics,
    notes: [
      ...notes,
      ...(passedOver === undefined ? [] : [passedOver]),
      ...(last === undefined
        ? ["there is no test part: about a tenth of the images of each class is kept for it"]
        : []),
    ],
  };
}

/** Part folders; or the folder itself, of class folders, as the training part. */
async function findFolders(folder: string): Promise<Found<string>> {
  const { parts, notes } = await findPartFolders(folder);
  return { parts: parts.size === 0 ? new Map([["train", folder]]) : parts, notes };
}
