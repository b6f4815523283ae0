/**
 * A data set in the layout of Cityscapes, made of Fashion-MNIST: for trying segmentation out where Cityscapes is not at
 * hand. It shows whether training works, not what a network is worth on streets.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PeaError } from "@pea/core";
import { makeDirectory } from "../common/make-directory.ts";
import { loadFashionMnist } from "../data/formats/fashion-mnist.ts";
import type { Dataset } from "../data/parts/dataset.ts";
import { disposePart } from "../data/parts/part.ts";
import { loadSharp } from "../images/sharp.ts";
import type { Size } from "../images/transforms/crop.ts";
import { encodeLabelMap } from "../tasks/segmentation/label-images.ts";
import { composeScene, type ScenePieces } from "./compose-scene.ts";
import { Draws } from "./draws.ts";
import { sceneLabels } from "./scene-labels.ts";

export interface MakeScenesOptions {
  /** Fixes all that is drawn; default 0. */
  seed?: number;
  /** Of the scenes; default 64×128. */
  size?: Size;
  /** Scenes with labels for training and for the final number, and such without; default 1000, 400 and 20. */
  counts?: Partial<Record<Split, number>>;
  /** Folder of Fashion-MNIST; default: where its Debian package lies. */
  dataDir?: string;
  /** Told of each split that is done. */
  onSplit?: (split: Split, count: number) => void;
}

const splits = ["train", "val", "test"] as const;
type Split = (typeof splits)[number];
const defaultCounts: Record<Split, number> = { train: 1000, val: 400, test: 20 };

/**
 * Makes the data set. Training scenes hold training images of Fashion-MNIST, the others test images. `labels.json` is
 * written last: a folder with it is whole.
 *
 * @param root folder to make
 * @throws PeaError (usage) when the folder holds such data already, or Fashion-MNIST is not there
 */
export async function makeScenes(root: string, options: MakeScenesOptions = {}): Promise<void> {
  const { seed = 0, size = { height: 64, width: 128 }, dataDir, onSplit } = options;
  const counts = { ...defaultCounts, ...options.counts };
  const table = join(root, "labels.json");
  if (existsSync(table))
    throw new PeaError(`${root} holds scenes already; remove it or give another folder`, { kind: "usage" });
  const sharp = await loadSharp();
  const data = loadFashionMnist({ dir: dataDir });
  for (const [number, split] of splits.entries()) {
    const pieces = toPieces(split === "train" ? data.train : data.test);
    for (let i = 0; i < counts[split]; i++) {
      const scene = composeScene(pieces, size, new Draws(seed, number, i));
      const city = i % 2 === 0 ? "loom" : "spindle";
      const name = `${split}/${city}/${city}_000000_${String(i).padStart(6, "0")}`;
      const raw = { width: size.width, height: size.height };
      const image = await sharp(scene.pixels, { raw: { ...raw, channels: 3 } })
        .png()
        .toBuffer();
      await write(join(root, "leftImg8bit", `${name}_leftImg8bit.png`), image);
      if (split === "test") continue;
      await write(
        join(root, "gtFine", `${name}_gtFine_labelIds.png`),
        await encodeLabelMap({ ...raw, data: scene.labels }),
      );
    }
    onSplit?.(split, counts[split]);
  }
  disposePart(data.train);
  disposePart(data.test);
  await write(table, `${JSON.stringify(sceneLabels, null, 2)}\n`);
}

function toPieces({ images, labels }: Dataset): ScenePieces {
  return {
    images: images.toTypedArray() as Uint8Array,
    side: images.shape[2] as number,
    labels: Uint8Array.from(labels.toTypedArray() as BigInt64Array, Number),
  };
}

async function write(path: string, content: Uint8Array | string): Promise<void> {
  makeDirectory(dirname(path));
  try {
    await writeFile(path, content);
  } catch (error) {
    throw new PeaError(`cannot write ${path}: ${(error as Error).message}`);
  }
}
