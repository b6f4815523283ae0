import { join } from "node:path";
import { PeaError } from "@pea/core";
import {
  countEndings,
  describePassedOver,
  imageEndings,
  isImageName,
  type PassedOver,
  sumCounts,
} from "../../images/image-names.ts";
import { enumerate, listFolder } from "../sources/list-folder.ts";
import type { OpenOptions, SampleSource } from "../sources/sample-source.ts";

/**
 * The images below `root`, one folder per class, e.g. `root/n01440764/n01440764_10026.JPEG` (spec recipes 6.3). Classes
 * are the folders' names in the order of their code points, samples the files in and below them in order. Links are
 * followed; names with a leading dot are passed over, files that are no images to be read are counted.
 *
 * @param options.classes those of the training part: labels then count in them. Left out: the folders found
 * @throws PeaError (usage) naming the folder that is missing, empty or of no known class
 */
export async function openImageFolder(
  root: string,
  { classes, onOpening }: OpenOptions = {},
): Promise<SampleSource> {
  const { folders, files: loose } = await listFolder(root);
  if (folders.length === 0) {
    const found = loose.some(isImageName) ? "only images" : "nothing";
    const other = classes === undefined ? "" : ", or move it elsewhere where classes are not known";
    throw usage(
      `${root} holds no class folders but ${found}: sort the images into one folder per class, named after it${other}`,
    );
  }
  const known = classes ?? folders;
  const unknown = folders.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw usage(
      `${root} has folders of classes that the training part does not know: ${enumerate(unknown)}; ` +
        "the folders of both parts must have the same names",
    );
  }
  const names: string[] = [];
  const labels: number[] = [];
  const empty: string[] = [];
  const passedOver: PassedOver[] = [];
  for (const [number, folder] of folders.entries()) {
    const { images, passedOver: others } = await imagesBelow(root, folder);
    passedOver.push(others);
    if (images.length === 0) empty.push(folder);
    const label = known.indexOf(folder);
    for (const name of images) {
      names.push(name);
      labels.push(label);
    }
    onOpening?.({ done: number + 1, path: join(root, folder), total: folders.length });
  }
  const others = sumCounts(passedOver);
  if (empty.length > 0) {
    const told = describePassedOver(others);
    throw usage(
      `${root} has class folders without an image: ${enumerate(empty)}; fill or remove them. ` +
        `Images are files that end in ${imageEndings}${told ? `; ${told}` : ""}`,
    );
  }
  return {
    labels: Int32Array.from(labels),
    classes: known,
    passedOver: others,
    locate(index) {
      const path = join(root, names[index] as string);
      return { name: path, path };
    },
    // Without its ending: an image that is converted to another format stays what it was.
    nameOf: (index) => (names[index] as string).replace(/\.[^./]*$/, ""),
  };
}

/**
 * What to tell of images beside the class folders, which belong to no class.
 *
 * @throws PeaError (usage) for a folder that cannot be read
 */
export async function describeLooseImages(root: string): Promise<string[]> {
  const { folders, files } = await listFolder(root);
  const images = files.filter(isImageName);
  if (folders.length === 0 || images.length === 0) return [];
  return [`passed over beside the class folders in ${root}: ${enumerate(images)}`];
}

/**
 * Paths of the images in and below a folder, relative to `root`: folder by folder, each in order; and how many files there
 * are no images to be read.
 *
 * @throws PeaError (usage) for a folder that cannot be read
 */
export async function imagesBelow(
  root: string,
  folder: string,
): Promise<{ images: string[]; passedOver: PassedOver }> {
  const { folders, files } = await listFolder(join(root, folder));
  const images = [files.filter(isImageName).map((name) => `${folder}/${name}`)];
  const passedOver = [countEndings(files.filter((name) => !isImageName(name)))];
  for (const inner of folders) {
    const below = await imagesBelow(root, `${folder}/${inner}`);
    images.push(below.images);
    passedOver.push(below.passedOver);
  }
  return { images: images.flat(), passedOver: sumCounts(passedOver) };
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
