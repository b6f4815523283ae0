/**
 * What tells the samples of a data set apart, so that a run can say later which of them it was trained on.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import type { SampleSource } from "../sources/sample-source.ts";
import type { CutParts, Place } from "./cut-parts.ts";
import type { Dataset } from "./dataset.ts";
import { type DataPart, isInMemory } from "./part.ts";

/** Of each sample of a part a number of 64 bits. */
export type PartIds = Readonly<Record<Place, BigInt64Array>>;

/**
 * The ids of all parts. A validation part that is the test part has none of its own.
 *
 * @param unused ids of what `limitTrain` leaves
 */
export function partIds(
  { train, validation, test }: Omit<CutParts<DataPart>, "unused">,
  unused: BigInt64Array,
): PartIds {
  return {
    train: sampleIds(train),
    validation: sampleIds(validation === test ? null : validation),
    test: sampleIds(test),
    unused,
  };
}

/**
 * A number for each sample, the same wherever the data lie: of its name and its length in bytes, of images in memory of
 * their labels and pixels.
 */
export function sampleIds(part: DataPart | null): BigInt64Array {
  if (part === null) return new BigInt64Array(0);
  return isInMemory(part) ? idsInMemory(part) : idsOfFiles(part);
}

function idsOfFiles(source: SampleSource): BigInt64Array {
  return BigInt64Array.from(source.labels, (_, index) => {
    const { path, image, record } = source.locate(index);
    const range = record ?? image;
    // A file that has gone since the folder was read is for whoever reads the image to tell.
    const bytes = range ? range.end - range.begin : (statSync(path, { throwIfNoEntry: false })?.size ?? 0);
    return idOf(`${source.nameOf(index)}\0${bytes}`);
  });
}

function idsInMemory({ images, labels }: Dataset): BigInt64Array {
  const pixels = images.toTypedArray() as Uint8Array;
  const length = pixels.length / labels.numel;
  return (labels.toTypedArray() as BigInt64Array).map((label, index) =>
    idOf(pixels.subarray(index * length, (index + 1) * length), `${label}`),
  );
}

/** The first 64 bits of SHA-256. */
function idOf(content: string | Uint8Array, label = ""): bigint {
  return createHash("sha256").update(label).update(content).digest().readBigInt64BE();
}
