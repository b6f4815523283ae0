import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { scope, tensor } from "@pea/torch";
import type { Dataset, DatasetParts } from "../parts/dataset.ts";
import { FROM_ZERO_HINT, listedClasses, nameClasses } from "../sources/class-names.ts";
import { idxName, readIdx } from "../sources/idx.ts";
import type { LabelBase } from "../sources/label.ts";

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
 * `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the same of `t10k` or `test`, each plain or with `.gz`, with a
 * dot in place of the last dash as some unpack them, or with the set's name before it as EMNIST's
 * (`emnist-letters-train-images-idx3-ubyte`). Classes are named by `classes.txt` in the folder, one a line, by EMNIST's
 * file of that kind (`emnist-letters-mapping.txt`), or by their numbers.
 *
 * EMNIST's images lie on their side, rows and columns exchanged, and are given as they are.
 *
 * @param options.labelBase the label of the first class; left out: the first one that EMNIST's file lists, else 0
 * @throws PeaError (usage) when the folder or a file is missing, when it holds several sets, or a class has no sample
 * @throws PeaError naming the file that is damaged, or that does not fit to its partner
 */
export function loadIdxFolder(dir: string, options: { labelBase?: LabelBase } = {}): DatasetParts {
  const set = findIdxSet(dir);
  const train = readIdxPart(dir, [`${set}train`], missing);
  const test = readIdxPart(dir, [`${set}t10k`, `${set}test`], missing);
  if (train.height !== test.height || train.width !== test.width) {
    throw new PeaError(
      `${train.imagesPath} holds images of ${train.height}×${train.width} pixels, ` +
        `but ${test.imagesPath} of ${test.height}×${test.width}: they are not of one set`,
    );
  }
  const mapping = readMapping(join(dir, `${set}mapping.txt`));
  const { labelBase = mapping?.labelBase ?? 0 } = options;
  const [first, last] = [train, test].map((part) => countFromZero(part, labelBase)) as [IdxPart, IdxPart];
  const classes = listedClasses(dir) ?? mapping?.classes ?? nameClasses(first.labels, { labelBase });
  for (const { labelsPath, labels } of [first, last])
    requireLabels(labelsPath, labels, classes.length, labelBase);
  const parts = scope(() => ({ train: toDataset(first, classes), test: toDataset(last, classes) }));
  return { ...parts, ...(/^emnist-/.test(set) && { notes: [LYING] }) };
}

const LYING =
  "EMNIST's images lie on their side, rows and columns exchanged, and are taken so: exchange those of other images that " +
  "the network is asked about, too";

/** What stands before the part in the names of a folder's files: `emnist-letters-`, mostly nothing. */
function findIdxSet(dir: string): string {
  let names: string[];
  try {
    names = readdirSync(dir).filter((name) => !name.startsWith("."));
  } catch (error) {
    throw new PeaError(`cannot read ${dir}: ${(error as Error).message}`, { kind: "usage" });
  }
  const found = names.map((name) => idxName.exec(name)).filter((match) => match !== null);
  const sets = [...new Set(found.map(([, set = ""]) => set))].sort();
  const [set = "", second] = sets;
  if (second === undefined) return set;
  const shown = sets.map((name) => name.replace(/-$/, "") || "one without a name").join(", ");
  throw new PeaError(
    `${dir} holds several sets of IDX files: ${shown}; move the files of one into a folder of their own`,
    { kind: "usage" },
  );
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
  const [wanted = ""] = names;
  const part = names.find((name) => findIdx(dir, name, IMAGES)) ?? wanted;
  const imagesPath = findIdx(dir, part, IMAGES);
  if (imagesPath === undefined) throw missing(dir, `${wanted}-${IMAGES.join("-")}`);
  const labelsPath = findIdx(dir, part, LABELS);
  if (labelsPath === undefined) throw missing(dir, `${part}-${LABELS.join("-")}`);
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

const IMAGES = ["images", "idx3-ubyte"] as const;
const LABELS = ["labels", "idx1-ubyte"] as const;

/** The file of a part, compressed or not; it may lie in a folder of its own name, as some archives unpack. */
function findIdx(dir: string, part: string, [what, kind]: readonly [string, string]): string | undefined {
  const names = ["-", "."].flatMap((mark) =>
    [".gz", ""].map((ending) => `${part}-${what}${mark}${kind}${ending}`),
  );
  const paths = names.flatMap((name) => [join(dir, name), join(dir, name, name)]);
  return paths.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

/** @throws PeaError naming the first label below the base */
function countFromZero(part: IdxPart, labelBase: LabelBase): IdxPart {
  const wrong = part.labels.findIndex((label) => label < labelBase);
  if (wrong !== -1)
    throw new PeaError(
      `${part.labelsPath} has the label 0 at index ${wrong}, but labels are to count from 1; ${FROM_ZERO_HINT}`,
      { kind: "usage" },
    );
  return { ...part, labels: part.labels.map((label) => label - labelBase) };
}

/** What EMNIST's labels stand for, a line each: the label and the codes of the letters, `1 65 97` for A and a. */
function readMapping(path: string): { classes: string[]; labelBase: LabelBase } | undefined {
  if (!existsSync(path)) return undefined;
  const lines = readFileSync(path, "latin1")
    .trim()
    .split(/\s*\n\s*/);
  const entries = lines.map((line) => line.split(/\s+/).map(Number));
  const labelBase = entries[0]?.[0];
  const isWhole = entries.every(([label, code = 0], i) => label === i + Number(labelBase) && code > 32);
  if ((labelBase !== 0 && labelBase !== 1) || !isWhole)
    throw new PeaError(
      `${path} is no list of labels and the codes of their letters; get it again, or remove it`,
      {
        kind: "usage",
      },
    );
  return { classes: entries.map(([, code]) => String.fromCodePoint(code as number)), labelBase };
}

/** @throws PeaError naming the first label that is none of `classes` */
export function requireLabels(
  path: string,
  labels: Uint8Array,
  classes: number,
  labelBase: LabelBase = 0,
): void {
  const wrong = labels.findIndex((label) => label >= classes);
  if (wrong === -1) return;
  throw new PeaError(
    `${path} has the label ${(labels[wrong] as number) + labelBase} at index ${wrong}; labels run from ${labelBase} ` +
      `to ${classes - 1 + labelBase}`,
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
