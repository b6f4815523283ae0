/**
 * Cityscapes, and data sets in its layout (spec recipes 3.2):
 *
 * - `leftImg8bit/{split}/{city}/{city}_{seq}_{frame}_leftImg8bit.png`
 * - `gtFine/{split}/{city}/{city}_{seq}_{frame}_gtFine_labelIds.png`
 *
 * for the splits train, val and test. A file `labels.json` in the root names the labels of another data set.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { classLabels, type LabelTable, readLabelTable } from "../../../images/label-table.ts";
import { enumerate, listFolder } from "../../sources/list-folder.ts";
import type { SampleSource } from "../../sources/sample-source.ts";
import { cityscapesLabels } from "./labels.ts";

export interface CityscapesParts {
  readonly train: SampleSource;
  /** The split `val`. */
  readonly test: SampleSource;
  /** The images of the split `test`, whose labels are not published; null without that split. */
  readonly unlabelled: SampleSource | null;
}

/** Ends the names of images; before it stands what a label map has in common with its image. */
export const imageEnding = "_leftImg8bit.png";

const IMAGES = { folder: "leftImg8bit", ending: imageEnding };
const LABELS = { folder: "gtFine", ending: "_gtFine_labelIds.png" };

/** Images of Cityscapes itself (spec recipes 3.2). */
const publishedCounts = { train: 2975, val: 500 } as const;

/**
 * Opens a data set in the layout of Cityscapes. One without a `labels.json` is taken for Cityscapes itself: where it has
 * more or fewer images than were published, there is a warning.
 *
 * @param options.warn receives the warning; default `process.emitWarning`
 * @throws PeaError (usage) naming folders that are missing or empty, images without label map and label maps without
 *   image
 */
export async function openCityscapes(
  root: string,
  { warn = emitWarning }: { warn?: (message: string) => void } = {},
): Promise<CityscapesParts> {
  const tablePath = join(root, "labels.json");
  const isPublished = !existsSync(tablePath);
  const table = isPublished ? cityscapesLabels : readLabelTable(tablePath);
  const [train, test] = [await openSplit(root, "train", table), await openSplit(root, "val", table)];
  if (isPublished)
    for (const [split, { labels }] of [
      ["train", train],
      ["val", test],
    ] as const)
      if (labels.length !== publishedCounts[split])
        warn(
          `${join(root, IMAGES.folder, split)} holds another number of images than Cityscapes, ${labels.length} and not ${publishedCounts[split]}: ` +
            "this is a part of it, or another data set, whose labels a file labels.json would name",
        );
  const hasTest = existsSync(join(root, IMAGES.folder, "test"));
  const unlabelled = hasTest
    ? toSource(root, "test", await listKeys(root, "test", IMAGES), table, false)
    : null;
  return { train, test, unlabelled };
}

/** The images and label maps of a split, paired by city, sequence and frame. */
async function openSplit(root: string, split: string, table: LabelTable): Promise<SampleSource> {
  const [images, maps] = [await listKeys(root, split, IMAGES), await listKeys(root, split, LABELS)];
  const [withMap, withImage] = [new Set(maps), new Set(images)];
  const problems = [
    [images.filter((key) => !withMap.has(key)), "images without label map", LABELS],
    [maps.filter((key) => !withImage.has(key)), "label maps without image", IMAGES],
  ] as const;
  for (const [keys, problem, { folder, ending }] of problems)
    if (keys.length > 0)
      throw usage(
        `${root}, split ${split}: ${problem} (${keys.length}); missing in ${join(folder, split)}: ` +
          enumerate(keys.map((key) => `${key}${ending}`)),
      );
  return toSource(root, split, images, table, true);
}

function toSource(
  root: string,
  split: string,
  keys: readonly string[],
  labelTable: LabelTable,
  hasMaps: boolean,
): SampleSource {
  const path = (key: string, { folder, ending }: typeof IMAGES) =>
    join(root, folder, split, `${key}${ending}`);
  const cityOf = (key: string) => key.slice(0, key.indexOf("/"));
  const cities = [...new Set(keys.map(cityOf))];
  return {
    labels: Int32Array.from(keys, (key) => cities.indexOf(cityOf(key))),
    classes: classLabels(labelTable).map(({ name }) => name),
    labelTable,
    locate(index) {
      const key = keys[index] as string;
      const image = path(key, IMAGES);
      return { name: image, path: image, ...(hasMaps && { labelMap: path(key, LABELS) }) };
    },
    nameOf: (index) => keys[index] as string,
  };
}

/** `{city}/{city}_{seq}_{frame}` of a split's files, in order. */
async function listKeys(root: string, split: string, { folder, ending }: typeof IMAGES): Promise<string[]> {
  const path = join(root, folder, split);
  const cities = (await listFolder(path)).folders;
  const keys: string[] = [];
  for (const city of cities) {
    const { files } = await listFolder(join(path, city));
    const stray =
      folder === IMAGES.folder && files.find((name) => name.endsWith(".png") && !name.endsWith(ending));
    if (stray) throw usage(`${join(path, city, stray)} is not named like ${city}_000000_000019${ending}`);
    for (const name of files)
      if (name.endsWith(ending)) keys.push(`${city}/${name.slice(0, -ending.length)}`);
  }
  if (keys.length > 0) return keys;
  throw usage(
    `${path} holds no folder with files that end in ${ending}; ` +
      `give the folder that holds ${IMAGES.folder} and ${LABELS.folder} with --data-dir`,
  );
}

function emitWarning(message: string): void {
  process.emitWarning(message, "PeaWarning");
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
