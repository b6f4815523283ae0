import { statSync } from "node:fs";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { imagesBelow } from "../data/sources/image-folder.ts";

/**
 * The files that paths stand for: a file for itself, whatever its name, a folder for the images in and below it, in
 * order.
 *
 * @throws PeaError (usage) for a path that is not there, and a folder without an image
 */
export async function findImages(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const kind = statSync(path, { throwIfNoEntry: false });
    if (kind === undefined) throw usage(`there is no image ${path}`);
    if (!kind.isDirectory()) {
      found.push(path);
      continue;
    }
    const images = await imagesBelow(path, ".");
    if (images.length === 0)
      throw usage(
        `${path} holds no image; images are files that end in .jpg, .jpeg, .png, .tif, .tiff or .webp`,
      );
    for (const name of images) found.push(join(path, name));
  }
  return found;
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
