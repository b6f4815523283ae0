import { readFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { PeaError } from "@pea/core";
import { writeFileAtomically } from "@pea/torch";
import { makeDirectory } from "../../common/make-directory.ts";
import { imageEnding } from "../../data/formats/cityscapes/open-cityscapes.ts";
import type { SampleSource } from "../../data/sources/sample-source.ts";
import { decodeImage, type Reading } from "../../images/decode.ts";
import type { ClassMap } from "../../images/resample.ts";
import { encodeLabelMap, encodeOverlay, labelsOfClasses } from "./label-images.ts";

/** What the answers to an image are named after. */
export function answerName(path: string): string {
  const name = basename(path, imageEnding);
  return basename(name, extname(name));
}

/**
 * Writes answers below a folder: `labels/{city}_{seq}_{frame}_labelIds.png`, as the evaluation server of Cityscapes takes
 * them (spec recipes 3.4), and `overlays/{city}_{seq}_{frame}_overlay.png` for people.
 *
 * @returns writes the answer to one image of `source` and tells where
 * @throws PeaError when the folder cannot be made or written to
 */
export function answerWriter(
  folder: string,
  { labelTable = [], locate }: Pick<SampleSource, "labelTable" | "locate">,
  reading: Reading,
): (index: number, answer: ClassMap) => Promise<{ labels: string; overlay: string }> {
  const [labels, overlays] = [join(folder, "labels"), join(folder, "overlays")];
  for (const path of [labels, overlays]) makeDirectory(path);
  const write = (path: string, bytes: Buffer) => {
    try {
      writeFileAtomically(path, [bytes]);
    } catch (error) {
      throw new PeaError(`cannot write ${path}: ${(error as Error).message}`);
    }
  };
  return async (index, answer) => {
    const { path } = locate(index);
    const name = answerName(path);
    const written = {
      labels: join(labels, `${name}_labelIds.png`),
      overlay: join(overlays, `${name}_overlay.png`),
    };
    write(written.labels, await encodeLabelMap(labelsOfClasses(answer, labelTable)));
    const image = await decodeImage(await readFile(path), reading);
    write(written.overlay, await encodeOverlay(image, answer, labelTable));
    return written;
  };
}
