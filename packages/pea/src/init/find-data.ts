/**
 * What data set lies in a folder.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { type CutSettings, cutParts } from "../data/parts/cut-parts.ts";
import { describeParts } from "../data/parts/describe-parts.ts";
import { type DataPart, disposePart, isInMemory } from "../data/parts/part.ts";
import { openDataset } from "../data/sets/open-dataset.ts";
import { listDatasets, recognizeDataset } from "../data/sets/registry.ts";
import { viewFolder } from "../data/sources/folder-view.ts";
import type { Size } from "../images/transforms/crop.ts";
import type { DataFacts, ReadingOptions } from "../recipe/data-facts.ts";
import { resolveRecipe } from "../recipe/recipe.ts";
import { lookAtImages, remarksOn } from "./look-at-images.ts";

/** The parts that there are, and a test part where there is none. */
const uncut: CutSettings = { splitBy: "name", valFraction: 0, validateOn: "split", limitTrain: 1, seed: 0 };

/**
 * Looks at a folder and opens the data set there, as training would.
 *
 * @throws PeaError (usage) when it holds none that can be read
 */
export async function findData(folder: string, options: ReadingOptions = {}): Promise<DataFacts> {
  const dataset = recognizeDataset(viewFolder(folder));
  if (dataset === null)
    throw usage(`${folder} holds no data set that can be read here. These can: ${layouts().join("; ")}`);
  resolveRecipe({ source: "the flags", settings: { data: dataset.name, dataDir: folder, ...options } });
  const { notes, ...found } = await openDataset(dataset.name, folder, options);
  const parts = cutParts<DataPart>(found, uncut);
  const { train, validation, test } = parts;
  try {
    if (train.classes.length === 1)
      throw new PeaError(
        `${folder} has one class alone, ${train.classes[0]}: nothing can be told apart; each class needs a folder of its own`,
        { kind: "usage" },
      );
    return {
      dataset,
      folder,
      ...options,
      parts: describeParts({ ...parts, notes }),
      ...(await imageFacts(train)),
    };
  } finally {
    for (const part of [train, test, validation]) if (part) disposePart(part);
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

/** What a folder may hold. */
const layouts = (): string[] => listDatasets().flatMap(({ isIn, layout }) => (isIn ? [layout] : []));

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
