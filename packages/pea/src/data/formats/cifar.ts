import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { scope, tensor } from "@pea/torch";
import type { Dataset, DatasetParts } from "../parts/dataset.ts";

const side = 32;
const imageLength = 3 * side * side;

/** What tells the two data sets apart (spec recipes 6.2). */
interface Format {
  readonly name: string;
  /** Folder in the published archive. */
  readonly folder: string;
  readonly trainFiles: readonly string[];
  readonly testFile: string;
  /** One name a line. */
  readonly namesFile: string;
  readonly classes: number;
  /** Bytes before the pixels of a record; the last of them is the label. */
  readonly labelLength: number;
}

const cifar10: Format = {
  name: "CIFAR-10",
  folder: "cifar-10-batches-bin",
  trainFiles: [1, 2, 3, 4, 5].map((number) => `data_batch_${number}.bin`),
  testFile: "test_batch.bin",
  namesFile: "batches.meta.txt",
  classes: 10,
  labelLength: 1,
};

const cifar100: Format = {
  name: "CIFAR-100",
  folder: "cifar-100-binary",
  trainFiles: ["train.bin"],
  testFile: "test.bin",
  namesFile: "fine_label_names.txt",
  classes: 100,
  labelLength: 2,
};

/**
 * Reads CIFAR-10, 32×32 colour images of ten classes, from the binary version's `data_batch_1.bin` … `data_batch_5.bin`
 * and `test_batch.bin`, in the folder given or in `cifar-10-batches-bin` there. Names come from `batches.meta.txt`, or
 * are numbers without it.
 *
 * @throws PeaError (usage) when a file is missing
 * @throws PeaError naming the file that is damaged, and the record with a wrong label
 */
export function loadCifar10(dir: string): DatasetParts {
  return load(dir, cifar10);
}

/**
 * Reads CIFAR-100, 32×32 colour images, with its 100 fine labels, from the binary version's `train.bin` and `test.bin`,
 * in the folder given or in `cifar-100-binary` there. Names come from `fine_label_names.txt`, or are numbers without it.
 *
 * @throws PeaError (usage) when a file is missing
 * @throws PeaError naming the file that is damaged, and the record with a wrong label
 */
export function loadCifar100(dir: string): DatasetParts {
  return load(dir, cifar100);
}

function load(dir: string, format: Format): DatasetParts {
  const inner = join(dir, format.folder);
  const folder = existsSync(inner) ? inner : dir;
  const classes = readNames(join(folder, format.namesFile), format);
  const part = (files: readonly string[]) =>
    readPart(
      files.map((name) => join(folder, name)),
      classes,
      format,
    );
  return scope(() => ({ train: part(format.trainFiles), test: part([format.testFile]) }));
}

function readPart(paths: readonly string[], classes: readonly string[], format: Format): Dataset {
  const recordLength = format.labelLength + imageLength;
  const files = paths.map((path) => readRecords(path, recordLength, format));
  const count = files.reduce((sum, bytes) => sum + bytes.length / recordLength, 0);
  const pixels = new Uint8Array(count * imageLength);
  const labels = new BigInt64Array(count);
  let sample = 0;
  for (const [file, bytes] of files.entries()) {
    for (let at = 0; at < bytes.length; at += recordLength, sample++) {
      const label = bytes[at + format.labelLength - 1] as number;
      if (label >= format.classes) {
        throw new PeaError(
          `${paths[file]} has the label ${label} in record ${at / recordLength}; ` +
            `labels of ${format.name} run from 0 to ${format.classes - 1}`,
        );
      }
      labels[sample] = BigInt(label);
      pixels.set(bytes.subarray(at + format.labelLength, at + recordLength), sample * imageLength);
    }
  }
  return { images: tensor(pixels, { shape: [count, 3, side, side] }), labels: tensor(labels), classes };
}

function readRecords(path: string, recordLength: number, { name, folder }: Format): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new PeaError(
      `${name} cannot be read: ${(error as Error).message}. ` +
        `Give the folder of its binary version, ${folder}, with --data-dir`,
      { kind: "usage" },
    );
  }
  if (bytes.length > 0 && bytes.length % recordLength === 0) return bytes;
  throw new PeaError(
    `${path} has ${bytes.length} bytes, which is no number of whole records of ${recordLength}: ` +
      `it is damaged, incomplete or not of ${name}'s binary version`,
  );
}

function readNames(path: string, { classes }: Format): string[] {
  if (!existsSync(path)) return Array.from({ length: classes }, (_, label) => `${label}`);
  const names = readFileSync(path, "utf8").split(/\s+/).filter(Boolean);
  if (names.length === classes) return names;
  throw new PeaError(`${path} holds ${names.length} names of classes instead of ${classes}`);
}
