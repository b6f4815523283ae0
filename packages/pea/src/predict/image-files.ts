import { statSync } from "node:fs";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { imagesBelow } from "../data/formats/image-folder.ts";
import { describePassedOver, imageEndings, type PassedOver, sumCounts } from "../images/image-names.ts";

/**
 * The files that paths stand for: a file for itself, whatever its name, a folder for the images in and below it, in
 * order.
 *
 * @param options.onPassedOver told of files in folders that are no images to be read, by their endings
 * @throws PeaError (usage) for a path that is not there, and a folder without an image
 */
export async function findImages(
  paths: readonly string[],
  { onPassedOver }: { onPassedOver?: (counts: PassedOver) => void } = {},
): Promise<string[]> {
  const found: string[] = [];
  const others: PassedOver[] = [];
  for (const path of paths) {
    const kind = statSync(path, { throwIfNoEntry: false });
    if (kind === undefined) throw usage(`there is no image ${path}`);
    if (!kind.isDirectory()) {
      found.push(path);
      continue;
    }
    const { images, passedOver } = await imagesBelow(path, ".");
    const told = describePassedOver(passedOver);
    if (images.length === 0)
      throw usage(
        `${path} holds no image; images are files that end in ${imageEndings}${told ? `; ${told}` : ""}`,
      );
    others.push(passedOver);
    for (const name of images) found.push(join(path, name));
  }
  const counts = sumCounts(others);
  if (counts.size > 0) onPassedOver?.(counts);
  return found;
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
