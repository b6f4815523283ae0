/**
 * Data sets cut into many files, each of which holds many samples.
 *
 * @module
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { FROM_ONE_HINT, nameClasses } from "./class-names.ts";
import { compressedByName, unpackedName } from "./compressed.ts";
import type { Label, LabelBase } from "./label.ts";
import { enumerate, sortNames } from "./list-folder.ts";
import { type PartName, partOf, partWords } from "./part-names.ts";
import type { SampleLocation, SampleSource } from "./sample-source.ts";

/** One file of samples. */
export interface Shard {
  readonly path: string;
  /** Not yet compared with the classes there are. */
  readonly labels: readonly Label[];
  /** The number that stands for the first class in the file. */
  readonly labelBase: LabelBase;
  /** Begin and end of each encoded image. */
  readonly images: Float64Array;
  /** Begin and end of the data of each TFRecord. */
  readonly records?: Float64Array;
  /** What messages call a sample of the file. */
  nameOf(index: number): string;
  /** What a sample is called in whatever file it lies. */
  keyOf(index: number): string;
}

/** The names of the classes, or what they can be found by. */
export interface ClassNames {
  /** All classes there are: those of the training part, or those listed by the user. */
  readonly classes?: readonly string[];
  /** Names that samples told, by label. */
  readonly told?: ReadonlyMap<number, string>;
}

/**
 * All samples of some shards, in order.
 *
 * Without a list of classes, numbers must run from 0 without a gap, since a class that no sample has is a sign of labels
 * that begin at 1 or of missing data; names make a class each, in the order of their code points.
 *
 * @throws PeaError (usage) naming a label without a class, or a class without a sample
 */
export function joinShards(shards: readonly Shard[], { classes, told }: ClassNames): SampleSource {
  const stored = shards.flatMap((shard) => shard.labels);
  const starts: number[] = [];
  let count = 0;
  for (const shard of shards) {
    starts.push(count);
    count += shard.labels.length;
  }
  const find = (index: number) => {
    const number = upperBound(starts, index) - 1;
    return { shard: shards[number] as Shard, at: index - (starts[number] as number) };
  };
  const locate = (index: number): SampleLocation => {
    const { shard, at } = find(index);
    const { path, images, records, nameOf } = shard;
    const range = (ranges: Float64Array) => ({
      begin: ranges[2 * at] as number,
      end: ranges[2 * at + 1] as number,
    });
    return {
      name: `${path}, ${nameOf(at)}`,
      path,
      image: range(images),
      ...(records && { record: range(records) }),
    };
  };
  const nameInMessages = (index: number): string => locate(index).name;
  requireOneKind(stored, nameInMessages);
  const labelBase = shards[0]?.labelBase ?? 0;
  const names = classes ?? classesOf(stored, { told, labelBase });
  const numbers = new Map(names.map((name, number) => [name, number]));
  const labels = Int32Array.from(stored, (label) =>
    typeof label === "number" ? label : (numbers.get(label) ?? names.length),
  );
  const wrong = labels.findIndex((label) => label >= names.length);
  if (wrong !== -1) throw wrongLabel(nameInMessages(wrong), stored[wrong] as Label, names, labelBase);
  const nameOf = (index: number): string => {
    const { shard, at } = find(index);
    return shard.keyOf(at);
  };
  return { labels, classes: names, locate, nameOf };
}

/** @throws PeaError (usage) where some labels are numbers and some are names */
function requireOneKind(labels: readonly Label[], nameOf: (index: number) => string): void {
  const other = labels.findIndex((label) => typeof label !== typeof labels[0]);
  if (other === -1) return;
  const show = (index: number) => `${nameOf(index)} has the label ${JSON.stringify(labels[index])}`;
  throw usage(`${show(0)}, but ${show(other)}: label all samples by numbers, or all by names`);
}

function classesOf(labels: readonly Label[], naming: Parameters<typeof nameClasses>[1]): readonly string[] {
  if (typeof labels[0] === "string") return sortNames([...new Set(labels as string[])]);
  return nameClasses(labels as number[], naming);
}

function wrongLabel(sample: string, label: Label, classes: readonly string[], labelBase: number): PeaError {
  if (typeof label === "string")
    return usage(
      `${sample} has the label ${JSON.stringify(label)}, but the classes are ${enumerate(classes)}`,
    );
  const hint =
    labelBase === 0 && label === classes.length ? `; if the labels count from 1, ${FROM_ONE_HINT}` : "";
  return usage(
    `${sample} has the label ${label + labelBase}, the first being ${labelBase}, but there are ${classes.length} classes${hint}`,
  );
}

/** How many of the ascending `values` are at most `value`. */
function upperBound(values: readonly number[], value: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How shards are looked for. */
export interface FindShardsOptions {
  /** What to do where the numbers of shards have gaps: `skip` goes on with those that are there. */
  readonly onMissingShard?: "fail" | "skip";
}

/** Paths of the shards of each part, and what to tell of them. */
export interface FoundShards {
  readonly parts: ReadonlyMap<PartName, readonly string[]>;
  readonly notes: readonly string[];
}

/**
 * The shards of a data set by part: files in `folder`, and in the folders there that are named after a part. Where no name
 * speaks of a part all are of the training part.
 *
 * @param isShard whether a file's name is one of the format's
 * @throws PeaError (usage) for a folder that cannot be read, for compressed shards, and when the numbers of a part's shards
 *   have gaps
 */
export function findShards(
  folder: string,
  isShard: (name: string) => boolean,
  { onMissingShard = "fail" }: FindShardsOptions = {},
): FoundShards {
  const names = list(folder).flatMap((entry) =>
    entry.isDirectory() && partOf(entry.name)
      ? list(join(folder, entry.name)).map((inner) => `${entry.name}/${inner.name}`)
      : [entry.name],
  );
  const shards = names.filter(isShard).sort();
  refuseCompressedShards(folder, names, isShard);
  const parts = new Map<PartName, string[]>();
  for (const name of shards) {
    const part = partOf(name);
    if (part) parts.set(part, [...(parts.get(part) ?? []), name]);
  }
  if (parts.size === 0 && shards.length > 0) parts.set("train", shards);
  const used = new Set([...parts.values()].flat());
  const others = shards.filter((name) => !used.has(name));
  const notes =
    others.length > 0 ? [`files whose names speak of no part are passed over: ${enumerate(others)}`] : [];
  for (const [part, shards] of parts) {
    const gaps = findGaps(shards);
    if (gaps === null) continue;
    if (onMissingShard === "fail") throw lacking(folder, shards, gaps);
    notes.push(`of the ${gaps.total} shards of the ${partWords[part]} part ${shards.length} are there`);
  }
  return {
    parts: new Map(Array.from(parts, ([part, shards]) => [part, shards.map((name) => join(folder, name))])),
    notes,
  };
}

/** Names with a leading dot are passed over: Macs put `._train-0.tar` beside `train-0.tar`. */
function list(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith("."));
  } catch (error) {
    throw usage(`cannot read ${folder}: ${(error as Error).message}`);
  }
}

/** Compressed files are shards if they speak of a part, or if there are no others; and if they are not there unpacked. */
function refuseCompressedShards(
  folder: string,
  names: readonly string[],
  isShard: (name: string) => boolean,
): void {
  const hasShards = names.some(isShard);
  const packed = names.find((name) => {
    const unpacked = unpackedName(name);
    const isPacked = unpacked !== name && isShard(unpacked) && !names.includes(unpacked);
    return isPacked && (partOf(name) !== undefined || !hasShards);
  });
  if (packed !== undefined) throw compressedByName(join(folder, packed));
}

/** Numbers that are missing between the first and the last shard there should be. */
interface Gaps {
  readonly missing: readonly number[];
  readonly first: number;
  readonly last: number;
  readonly total: number;
}

/**
 * Numbered shards: `…-00017-of-01024` runs from 0 to 1023, `…-000017.tar` from the lowest there is to the highest. null
 * where none is missing or they have no numbers.
 */
function findGaps(shards: readonly string[]): Gaps | null {
  const numbered = shards.map((name) => /(\d+)(?:-of-(\d+))?(?:\.\w+)?$/.exec(name));
  if (numbered.some((match) => match === null)) return null;
  const numbers = new Set(numbered.map((match) => Number(match?.[1])));
  const wanted = numbered[0]?.[2];
  const first = wanted === undefined ? Math.min(...numbers) : 0;
  const last = wanted === undefined ? Math.max(...numbers) : Number(wanted) - 1;
  const missing: number[] = [];
  for (let number = first; number <= last; number++) if (!numbers.has(number)) missing.push(number);
  return missing.length === 0 ? null : { missing, first, last, total: last - first + 1 };
}

function lacking(folder: string, shards: readonly string[], { missing, first, last }: Gaps): PeaError {
  const shown = missing.slice(0, 5).join(", ") + (missing.length > 5 ? ", …" : "");
  return usage(
    `${folder} lacks ${missing.length} of the shards ${first} to ${last} that ${shards[0]} belongs to: ${shown}; ` +
      "get them, or go on with those that are there: onMissingShard skip (--on-missing-shard skip)",
  );
}

/** What to do about a shard without samples, which writers leave, and downloads that have failed. */
export const EMPTY_SHARD_HINT =
  "get it again, or, if it is meant to be so, remove it and let onMissingShard be skip (--on-missing-shard skip)";

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
