import { join } from "node:path";
import { PeaError } from "@pea/core";
import { enumerate, listFolder } from "./list-folder.ts";
import type { OpenOptions, SampleSource } from "./sample-source.ts";

/** Files with other endings are no samples (those of torchvision's ImageFolder that can be decoded here). */
export const imageName = /\.(jpe?g|png|tiff?|webp)$/i;
/** Images too for torchvision, but not for the decoder. */
const unreadableName = /\.(bmp|ppm|pgm)$/i;

/**
 * The images below `root`, one folder per class, e.g. `root/n01440764/n01440764_10026.JPEG` (spec recipes 6.3). Classes
 * are the folders' names in the order of their code points, samples the files in and below them in order. Links are
 * followed; names with a leading dot are passed over.
 *
 * @param options.classes those of the training part: labels then count in them. Left out: the folders found
 * @throws PeaError (usage) naming the folder that is missing, empty or of no known class, and images in formats that
 *   are not read
 */
export async function openImageFolder(
  root: string,
  { classes, onOpening }: OpenOptions = {},
): Promise<SampleSource> {
  const { folders, files: loose } = await listFolder(root);
  if (folders.length === 0) {
    const found = loose.some((name) => imageName.test(name)) ? "only images" : "nothing";
    throw usage(
      `${root} holds no class folders but ${found}: sort the images into one folder per class, named after it`,
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
  for (const [number, folder] of folders.entries()) {
    const images = await imagesBelow(root, folder);
    if (images.length === 0) empty.push(folder);
    const label = known.indexOf(folder);
    for (const name of images) {
      names.push(name);
      labels.push(label);
    }
    onOpening?.({ done: number + 1, path: join(root, folder), total: folders.length });
  }
  if (empty.length > 0) {
    throw usage(
      `${root} has class folders without an image: ${enumerate(empty)}; fill or remove them. ` +
        "Images are files that end in .jpg, .jpeg, .png, .tif, .tiff or .webp",
    );
  }
  return {
    labels: Int32Array.from(labels),
    classes: known,
    locate(index) {
      const path = join(root, names[index] as string);
      return { name: path, path };
    },
    // Without its ending: an image that is converted to another format stays what it was.
    nameOf: (index) => (names[index] as string).replace(/\.[^./]*$/, ""),
  };
}

/**
 * Paths of the images in and below a folder, relative to `root`: folder by folder, each in order.
 *
 * @throws PeaError (usage) for a folder that cannot be read, and naming an image in a format that is not read
 */
export async function imagesBelow(root: string, folder: string): Promise<string[]> {
  const { folders, files } = await listFolder(join(root, folder));
  const unreadable = files.find((name) => unreadableName.test(name));
  if (unreadable !== undefined) {
    throw usage(
      `${join(root, folder, unreadable)} is in a format that is not read here; convert it, e.g. to PNG, ` +
        "or remove it",
    );
  }
  const below: string[][] = [files.filter((name) => imageName.test(name)).map((name) => `${folder}/${name}`)];
  for (const inner of folders) below.push(await imagesBelow(root, `${folder}/${inner}`));
  return below.flat();
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
