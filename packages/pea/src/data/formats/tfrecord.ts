import { PeaError } from "@pea/core";
import { maskedCrc32c } from "../../common/tfrecord-framing.ts";
import { refuseCompressed } from "../sources/compressed.ts";
import { FileWindow } from "../sources/file-window.ts";
import type { Label, LabelBase } from "../sources/label.ts";
import type { OpenOptions, SampleSource } from "../sources/sample-source.ts";
import { EMPTY_SHARD_HINT, joinShards, type Shard } from "../sources/shards.ts";
import { findImage } from "../sources/tf-example.ts";

/** A length beyond it is a sign of damage. */
const MAX_LENGTH = 256 * 2 ** 20;

/** Whether a file's name is that of TFRecords: `train-00000-of-01024`, `flowers-train.tfrecord-00000-of-00002`. */
export function isTfRecordName(name: string): boolean {
  return /-\d{5}-of-\d{5}$|\.tfrecords?$/i.test(name);
}

/**
 * Labelled images in files of TFRecords (spec recipes 6.4), as ImageNet is kept: one `tf.train.Example` a record, with
 * the features `image/encoded` and `image/class/label` (from 1) or, as TensorFlow Datasets writes them, `image` and
 * `label` (from 0); labels may be names of classes, too. Opening walks over the records and reads headers and labels;
 * images, and with them the checksums of the data, wait until a sample is read.
 *
 * @param options.classes names of all classes. Left out: as many as there are labels, named by `image/class/synset` or
 *   `image/class/text`
 * @param options.labelBase the number that stands for the first class. Left out: as said above
 * @throws PeaError naming the file and record that is damaged, truncated or no labelled image
 */
export async function openTfRecords(
  paths: readonly string[],
  { classes, labelBase, onOpening }: OpenOptions = {},
): Promise<SampleSource> {
  const told = new Map<number, string>();
  const shards: Shard[] = [];
  for (const path of paths) {
    shards.push(indexFile(path, told, labelBase));
    onOpening?.({ done: shards.length, path, total: paths.length });
    // Lets a signal in: there may be thousands of files.
    await new Promise(setImmediate);
  }
  return joinShards(shards, { classes, told });
}

function indexFile(path: string, told: Map<number, string>, wantedBase?: LabelBase): Shard {
  const file = new FileWindow(path);
  let labelBase: LabelBase | undefined;
  const labels: Label[] = [];
  const images: number[] = [];
  const records: number[] = [];
  const checksums: number[] = [];
  const nameOf = (index: number) => `record ${index}`;
  try {
    for (let at = 0; at < file.size; ) {
      const fail = (problem: string, kind?: PeaError["kind"]) =>
        new PeaError(`${path}, ${nameOf(labels.length)} at byte ${at}: ${problem}`, { kind });
      const record = { begin: at + 12, end: at + 12 + readLength(file, at, fail) };
      if (record.end + 4 > file.size) throw fail(`the file ends within it: ${INCOMPLETE}`);
      try {
        const { image, label, className, ...example } = findImage(file, record, wantedBase);
        labelBase ??= example.labelBase;
        labels.push(label);
        images.push(image.begin, image.end);
        records.push(record.begin, record.end);
        checksums.push(file.read(record.end, 4).readUInt32LE());
        if (typeof label === "number" && className !== undefined) told.set(label, className);
      } catch (error) {
        throw error instanceof PeaError ? fail(error.message, error.kind) : error;
      }
      at = record.end + 4;
    }
  } finally {
    file.close();
  }
  if (labelBase === undefined) throw new PeaError(`${path} is empty: ${EMPTY_SHARD_HINT}`);
  // Records have no names: what is in one tells it from others, in whatever file and place it lies.
  const keyOf = (index: number) => {
    const length = (records[2 * index + 1] as number) - (records[2 * index] as number);
    return `${length}-${checksums[index]?.toString(16)}`;
  };
  return {
    path,
    labels,
    labelBase,
    images: Float64Array.from(images),
    records: Float64Array.from(records),
    nameOf,
    keyOf,
  };
}

const INCOMPLETE = "it is damaged or incomplete; get it again";

/** Length of the record's data, from a header whose checksum is right. */
function readLength(file: FileWindow, at: number, fail: (problem: string) => PeaError): number {
  if (at + 12 > file.size) throw fail(`the file ends within its header: ${INCOMPLETE}`);
  const header = file.read(at, 12);
  if (header.readUInt32LE(8) !== maskedCrc32c(header.subarray(0, 8))) {
    if (at === 0) refuseOthers(file.path, header);
    throw fail("the checksum of its length is wrong: the file is damaged, or holds no TFRecords");
  }
  const length = header.readBigUInt64LE(0);
  if (length > MAX_LENGTH)
    throw fail(`it claims ${length} bytes of data: more than the ${MAX_LENGTH} allowed`);
  return Number(length);
}

/** @throws PeaError (usage) for a file that is compressed, or of another format of TensorFlow Datasets */
function refuseOthers(path: string, header: Buffer): void {
  refuseCompressed(path, header);
  const format = /\.(array_record|riegeli|parquet)\b/.exec(path)?.[1];
  if (format !== undefined)
    throw new PeaError(
      `${path} is in TensorFlow Datasets' format ${format}; prepare the data with file_format="tfrecord"`,
      { kind: "usage" },
    );
}
