/**
 * A folder of images by class, made of Fashion-MNIST: for trying out what reads JPEG and PNG files where no such data set
 * is at hand, as the small twins of the recipes do.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { makeDirectory } from "../common/make-directory.ts";
import { loadFashionMnist } from "../data/formats/fashion-mnist.ts";
import type { Dataset } from "../data/parts/dataset.ts";
import { disposePart } from "../data/parts/part.ts";
import { loadSharp } from "../images/sharp.ts";

export interface MakeImageFolderOptions {
  /** Images of each part, the same number of each class; default 600 and 200. */
  counts?: Partial<Record<"train" | "val", number>>;
  /** Folder of Fashion-MNIST; default: where its Debian package lies. */
  dataDir?: string;
}

/**
 * Writes `{train,val}/{class}/{index}.{jpg,png}`, JPEG and PNG in turn: the first images of each class, those of `val`
 * from Fashion-MNIST's test part. The folder takes its name when it is whole.
 *
 * @param root folder to make
 * @throws PeaError (usage) when it is there already, Fashion-MNIST is not, or a part has too few images
 */
export async function makeImageFolder(
  root: string,
  { counts, dataDir }: MakeImageFolderOptions = {},
): Promise<void> {
  if (existsSync(root)) throw usage(`${root} is there already; remove it or give another folder`);
  const data = loadFashionMnist({ dir: dataDir });
  const unfinished = `${root}.tmp`;
  try {
    await writePart(join(unfinished, "train"), data.train, counts?.train ?? 600);
    await writePart(join(unfinished, "val"), data.test, counts?.val ?? 200);
    await rename(unfinished, root);
  } finally {
    disposePart(data.train);
    disposePart(data.test);
  }
}

async function writePart(folder: string, { images, labels, classes }: Dataset, count: number): Promise<void> {
  const each = Math.round(count / classes.length);
  const sharp = await loadSharp();
  const [, , height = 0, width = 0] = images.shape;
  const pixels = images.toTypedArray() as Uint8Array;
  const classOf = Array.from(labels.toTypedArray() as BigInt64Array, Number);
  for (const [index, name] of classes.entries()) {
    const places = classOf.flatMap((label, place) => (label === index ? [place] : [])).slice(0, each);
    if (places.length < each)
      throw usage(`${each} images of ${name} are asked for, but Fashion-MNIST has ${places.length}`);
    const path = join(folder, name.replaceAll("/", "-"));
    makeDirectory(path);
    for (const [number, place] of places.entries()) {
      const one = pixels.subarray(place * height * width, (place + 1) * height * width);
      const image = sharp(one, { raw: { width, height, channels: 1 } });
      const [bytes, ending] =
        number % 2 === 0
          ? [await image.jpeg({ quality: 90 }).toBuffer(), "jpg"]
          : [await image.png().toBuffer(), "png"];
      await writeFile(join(path, `${String(number).padStart(5, "0")}.${ending}`), bytes);
    }
  }
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
