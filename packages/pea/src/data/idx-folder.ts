import { existsSync } from "node:fs";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { scope, tensor } from "@pea/torch";
import { listedClasses, nameClasses } from "./class-names.ts";
import type { Dataset, DatasetParts } from "./dataset.ts";
import { readIdx } from "./idx.ts";

/** Grey images as bytes, row by row, one after the other, and their labels. */
export interface IdxImages {
  readonly height: number;
  readonly width: number;
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

/** The two files of a part. */
export interface IdxPart extends IdxImages {
  readonly imagesPath: string;
  readonly labelsPath: string;
}

/**
 * Reads grey images of any size with up to 256 classes from a folder of IDX files (spec recipes 6.1):
 * `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the same of `t10k` or `test`, each plain or with `.gz`. So
 * come MNIST, KMNIST and their like. Classes are named by `classes.txt` in the folder, one a line, or by their numbers.
 *
 * @throws PeaError (usage) when the folder or a file is missing, or a class has no sample
 * @throws PeaError naming the file that is damaged, or that does not fit to its partner
 */
export function loadIdxFolder(dir: string): DatasetParts {
  const train = readIdxPart(dir, ["train"], missing);
  const test = readIdxPart(dir, ["t10k", "test"], missing);
  if (train.height !== test.height || train.width !== test.width) {
    throw new PeaError(
      `${train.imagesPath} holds images of ${train.height}×${train.width} pixels, ` +
        `but ${test.imagesPath} of ${test.height}×${test.width}: they are not of one set`,
    );
  }
  const classes = listedClasses(dir) ?? nameClasses(train.labels);
  for (const { labelsPath, labels } of [train, test]) requireLabels(labelsPath, labels, classes.length);
  return scope(() => ({ train: toDataset(train, classes), test: toDataset(test, classes) }));
}

/**
 * Reads the images and labels of a part.
 *
 * @param names what the part may be called; the first one that is there is taken
 * @param missing the error for a file that is not there
 * @throws PeaError naming the file that is damaged, empty, or that does not fit to its partner
 */
export function readIdxPart(
  dir: string,
  names: readonly string[],
  missing: (dir: string, name: string) => PeaError,
): IdxPart {
  const find = (part: string, suffix: string) =>
    [`${part}-${suffix}.gz`, `${part}-${suffix}`]
      .map((name) => join(dir, name))
      .find((path) => existsSync(path));
  const [wanted = ""] = names;
  const part = names.find((name) => find(name, IMAGES)) ?? wanted;
  const imagesPath = find(part, IMAGES);
  if (imagesPath === undefined) throw missing(dir, `${wanted}-${IMAGES}`);
  const labelsPath = find(part, LABELS);
  if (labelsPath === undefined) throw missing(dir, `${part}-${LABELS}`);
  const images = readIdx(imagesPath, 3);
  const labels = readIdx(labelsPath, 1);
  const [count, height, width] = images.shape as [number, number, number];
  if (count !== labels.data.length) {
    throw new PeaError(
      `${imagesPath} holds ${count} images but ${labelsPath} ${labels.data.length} labels: they are not of one set`,
    );
  }
  if (count === 0) throw new PeaError(`${imagesPath} holds no image`);
  return { imagesPath, labelsPath, height, width, images: images.data, labels: labels.data };
}

const IMAGES = "images-idx3-ubyte";
const LABELS = "labels-idx1-ubyte";

/** @throws PeaError naming the first label that is none of `classes` */
export function requireLabels(path: string, labels: Uint8Array, classes: number): void {
  const wrong = labels.findIndex((label) => label >= classes);
  if (wrong === -1) return;
  throw new PeaError(
    `${path} has the label ${labels[wrong]} at index ${wrong}; labels run from 0 to ${classes - 1}`,
  );
}

/** Copies images and labels to tensors. */
export function toDataset({ images, labels, height, width }: IdxImages, classes: readonly string[]): Dataset {
  return {
    images: tensor(images, { shape: [labels.length, 1, height, width] }),
    labels: tensor(BigInt64Array.from(labels, BigInt)),
    classes,
  };
}

function missing(dir: string, name: string): PeaError {
  return new PeaError(
    `the folder ${dir} has neither ${name}.gz nor ${name}; give the folder of the four IDX files with --data-dir`,
    { kind: "usage" },
  );
}
