/**
 * What data set lies in a folder.
 *
 * @module
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { type CutSettings, cutParts } from "../data/parts/cut-parts.ts";
import { describeParts, type PartsDescription } from "../data/parts/describe-parts.ts";
import { type DataPart, disposePart, isInMemory } from "../data/parts/part.ts";
import { type DataName, hasLabelMaps, isStreamed } from "../data/sets/data-names.ts";
import { isIdxName } from "../data/sets/idx-folder.ts";
import { openInMemory } from "../data/sets/open-in-memory.ts";
import { type OpenStreamedOptions, openStreamed } from "../data/sets/open-streamed.ts";
import { isTfRecordName } from "../data/sets/tfrecord.ts";
import { isTarName } from "../data/sets/webdataset.ts";
import { unpackedName } from "../data/sources/compressed.ts";
import type { Size } from "../images/crop.ts";
import { resolveRecipe } from "../recipe/recipe.ts";
import { lookAtImages, remarksOn } from "./look-at-images.ts";

/** What the user tells of the data. */
export type ReadingOptions = Pick<OpenStreamedOptions, "labelBase" | "onMissingShard">;

/** What a recipe is made for. */
export interface DataFacts extends ReadingOptions {
  readonly data: DataName;
  readonly folder: string;
  /** Parts, classes and what to tell of them; nothing is split off the training part for validation yet. */
  readonly parts: PartsDescription;
  /** Of the image in the middle when the images are sorted by their shorter side. */
  readonly size: Size;
  /** Whether the sizes looked at differ. */
  readonly sizesDiffer: boolean;
  /** What else is worth knowing of the images looked at. */
  readonly remarks: readonly string[];
}

/** The parts that there are, and a test part where there is none. */
const uncut: CutSettings = { splitBy: "name", valFraction: 0, validateOn: "split", limitTrain: 1, seed: 0 };

/**
 * Looks at a folder and opens the data set there, as training would.
 *
 * @throws PeaError (usage) when it holds none that can be read
 */
export async function findData(folder: string, options: ReadingOptions = {}): Promise<DataFacts> {
  const data = detect(folder);
  resolveRecipe({ source: "the flags", settings: { data, dataDir: folder, ...options } });
  const { notes = [], ...found } = isStreamed(data)
    ? await openStreamed(data, folder, options)
    : { ...openInMemory(data, folder, options), validation: null };
  const parts = cutParts<DataPart>(found, uncut);
  const { train, validation, test } = parts;
  try {
    if (train.classes.length === 1)
      throw new PeaError(
        `${folder} has one class alone, ${train.classes[0]}: nothing can be told apart; each class needs a folder of its own`,
        { kind: "usage" },
      );
    return {
      data,
      folder,
      ...options,
      parts: describeParts({ ...parts, notes }),
      ...(await imageFacts(train)),
    };
  } finally {
    for (const part of [train, test, validation]) if (part) disposePart(part);
  }
}

function detect(folder: string): DataName {
  const names = list(folder);
  const has = (name: string) => names.includes(name);
  // Parts may be folders of shards.
  const inner = names.flatMap((name) => [name, ...list(join(folder, name), [])]);
  if (has("leftImg8bit") && has("gtFine")) return "cityscapes";
  if (names.some(isIdxName)) return "idx";
  if (inner.includes("data_batch_1.bin")) return "cifar10";
  if (has("train.bin") || has("cifar-100-binary")) return "cifar100";
  if (inner.some(isTarName)) return "webdataset";
  if (names.some((name) => isFolder(join(folder, name)))) {
    return inner.some((name) => isTfRecordName(name)) && !hasInnerFolders(folder, names)
      ? "tfrecord"
      : "imagefolder";
  }
  if (names.some((name) => isTfRecordName(name))) return "tfrecord";
  // Compressed ones are named when they are opened.
  const unpacked = inner.map(unpackedName);
  if (unpacked.some(isTarName)) return "webdataset";
  if (unpacked.some(isTfRecordName)) return "tfrecord";
  throw usage(
    `${folder} holds no data set that can be read here. These can: folders train and val, or none, with a folder of ` +
      "images for each class; IDX files as MNIST's; CIFAR-10 or CIFAR-100 in their binary version; TFRecords named like " +
      "train-00000-of-01024; tar shards named like train-000000.tar; leftImg8bit and gtFine as Cityscapes",
  );
}

/** Whether there are folders in the folders, as in parts that hold a folder for each class. */
function hasInnerFolders(folder: string, names: readonly string[]): boolean {
  return names.some((name) =>
    list(join(folder, name), []).some((below) => isFolder(join(folder, name, below))),
  );
}

const isFolder = (path: string): boolean => list(path, null) !== null;

function list<Otherwise = never>(path: string, otherwise?: Otherwise): string[] | Otherwise {
  try {
    return readdirSync(path).filter((name) => !name.startsWith("."));
  } catch (error) {
    if (otherwise !== undefined) return otherwise;
    throw usage(`cannot read ${path}: ${(error as Error).message}`);
  }
}

async function imageFacts(part: DataPart): Promise<Pick<DataFacts, "size" | "sizesDiffer" | "remarks">> {
  if (isInMemory(part)) {
    const [, , height = 0, width = 0] = part.images.shape;
    return { size: { width, height }, sizesDiffer: false, remarks: [] };
  }
  const seen = await lookAtImages(part);
  const side = ({ width, height }: Size) => Math.min(width, height);
  const sizes = seen.sizes.toSorted((a, b) => side(a) - side(b));
  const size = sizes[sizes.length >> 1];
  if (size === undefined) throw usage("none of the images looked at can be read");
  const sizesDiffer = sizes.some(({ width, height }) => width !== size.width || height !== size.height);
  return { size, sizesDiffer, remarks: remarksOn(seen) };
}

/** Whether a recipe for these data is one of segmentation. */
export const isSegmentation = ({ data }: DataFacts): boolean => hasLabelMaps(data);

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
