import { PeaError } from "@pea/core";
import { imageEndings, isImageName } from "../../images/image-names.ts";
import { FROM_ZERO_HINT } from "../sources/class-names.ts";
import { FileWindow } from "../sources/file-window.ts";
import { type Label, type LabelBase, parseLabel } from "../sources/label.ts";
import { enumerate } from "../sources/list-folder.ts";
import type { ByteRange, OpenOptions, SampleSource } from "../sources/sample-source.ts";
import { EMPTY_SHARD_HINT, joinShards, type Shard } from "../sources/shards.ts";
import { tarMembers } from "../sources/tar.ts";

/** Folders in which Macs and old versions of tar leave what is no sample. */
const foreignFolder = /(?:^|\/)(?:__MACOSX|PaxHeaders?(?:\.\d+)?)\//;

/** Whether a file's name is that of a tar archive. */
export function isTarName(name: string): boolean {
  return /\.tar$/i.test(name);
}

/**
 * Labelled images in tar archives, as WebDataset keeps them (spec recipes 6.5): files whose names agree up to the first
 * dot are one sample, of which the image (`.jpg`, `.png`, …) and the label are used. The label is what `.cls` holds, or
 * else the entry `label` of `.json`, or what `.txt` holds where the classes are listed: a number from `labelBase` on, or
 * the name of a class. Opening walks over the headers and reads labels; images wait until a sample is read.
 *
 * @param options.classes names of all classes. Left out: as many as there are labels, named by their numbers, or the
 *   names that the labels are, in the order of their code points
 * @param options.labelBase the number that stands for the first class, 0 by default
 * @throws PeaError naming the archive that is damaged or truncated, and the sample that has no image or label
 */
export async function openWebDataset(
  paths: readonly string[],
  { classes, labelBase = 0, onOpening }: OpenOptions = {},
): Promise<SampleSource> {
  const shards: Shard[] = [];
  for (const path of paths) {
    shards.push(indexArchive(path, { classes, labelBase }));
    onOpening?.({ done: shards.length, path, total: paths.length });
    // Lets a signal in: there may be thousands of archives.
    await new Promise(setImmediate);
  }
  return joinShards(shards, { classes });
}

/** How labels are understood. */
interface LabelOptions {
  readonly classes?: readonly string[];
  readonly labelBase: LabelBase;
}

function indexArchive(path: string, options: LabelOptions): Shard {
  const file = new FileWindow(path);
  try {
    const samples = collectSamples(file, options);
    if (samples.length === 0) throw new PeaError(`${path} holds no sample: ${EMPTY_SHARD_HINT}`);
    const images = new Float64Array(2 * samples.length);
    const labels = samples.map((sample, index) => {
      const { begin, end } = imageOf(path, sample);
      images.set([begin, end], 2 * index);
      return labelOf(path, sample, options);
    });
    const keys = samples.map(({ key }) => key);
    const keyOf = (index: number) => keys[index] as string;
    return { path, labels, labelBase: options.labelBase, images, nameOf: keyOf, keyOf };
  } finally {
    file.close();
  }
}

interface TarSample {
  readonly key: string;
  /** What the names of its files end in, in lower case. */
  readonly endings: string[];
  /** Its files that may be the image, by what their names end in. */
  readonly images: [ending: string, data: ByteRange][];
  /** What its files say of its class. */
  readonly told: { cls?: string; json?: string; txt?: string };
}

/**
 * The samples in the order of their first files, which need not lie together. A file whose like the sample of its key
 * has already begins another one, as in archives that were joined; next to each other two such files are a mistake.
 */
function collectSamples(file: FileWindow, { classes }: LabelOptions): TarSample[] {
  const samples: TarSample[] = [];
  const latest = new Map<string, TarSample>();
  let last: TarSample | undefined;
  for (const { name, data } of tarMembers(file)) {
    const [key, ending] = splitName(name) ?? [];
    if (key === undefined || ending === undefined) continue;
    let sample = latest.get(key);
    if (sample?.endings.includes(ending)) {
      if (sample === last) throw new PeaError(`${file.path}, ${key} has two files that end in ${ending}`);
      sample = undefined;
    }
    if (sample === undefined) {
      sample = { key, endings: [], images: [], told: {} };
      samples.push(sample);
      latest.set(key, sample);
    }
    if ("linkTo" in data) throw openLink(file.path, name, data.linkTo);
    addFile(file, sample, ending, data, classes !== undefined);
    last = sample;
  }
  return samples;
}

/** Cut at the first dot behind the last folder. Files without an ending and metadata (`__…__.x`) are no samples. */
function splitName(name: string): [key: string, ending: string] | undefined {
  const match = /^((?:.*\/)?[^/.]+)\.([^/]+)$/.exec(name);
  if (match === null || /(^|\/)__[^/]*__(\.[^/]*)?$/.test(name) || foreignFolder.test(name)) return undefined;
  return [match[1] as string, (match[2] as string).toLowerCase()];
}

/** Longest text that is read for a label, and longest description of a sample that one is looked for in, in bytes. */
const MAX_TEXT = 1000;
const MAX_JSON = 2 ** 20;

function addFile(
  file: FileWindow,
  { endings, images, told }: TarSample,
  ending: string,
  data: ByteRange,
  readsText: boolean,
): void {
  endings.push(ending);
  if (isImageName(`.${ending}`)) images.push([ending, data]);
  const length = data.end - data.begin;
  if (ending === "cls" || (ending === "txt" && readsText))
    told[ending] = file.read(data.begin, Math.min(length, MAX_TEXT)).toString();
  if (ending === "json" && told.cls === undefined && length <= MAX_JSON)
    told.json = labelEntry(file.read(data.begin, length).toString());
}

/** The entry `label` of a JSON object, where that is a number or a text. */
function labelEntry(json: string): string | undefined {
  try {
    const { label } = JSON.parse(json);
    return typeof label === "number" || typeof label === "string" ? `${label}` : undefined;
  } catch {
    return undefined;
  }
}

/** The image of a sample: the first whose name ends in nothing but its kind, else the only one there is. */
function imageOf(path: string, { key, endings, images }: TarSample): ByteRange {
  const plain = images.find(([ending]) => !ending.includes("."));
  const [image, second] = plain === undefined ? images : [plain];
  if (image === undefined)
    throw usage(
      `${path}, ${key} has no image: its files end in ${endings.join(", ")}, none in ${imageEndings}`,
    );
  if (second !== undefined)
    throw usage(
      `${path}, ${key} has several images, ${enumerate(images.map(([ending]) => ending))}, and none is ${key}.jpg or ` +
        "the like: name the one to learn from so. If they are several samples: what tells them apart must stand " +
        "before the first dot of their names",
    );
  return image[1];
}

function labelOf(
  path: string,
  { key, endings, told }: TarSample,
  { classes, labelBase }: LabelOptions,
): Label {
  const ending = (["cls", "json", "txt"] as const).find((name) => told[name] !== undefined);
  if (ending === undefined) {
    const asText =
      endings.includes("txt") && classes === undefined
        ? `. What ${key}.txt holds is taken for it where a file classes.txt beside the archives lists the classes, one a line`
        : "";
    throw usage(
      `${path}, ${key} has no label: a file ${key}.cls with the number of its class, from ${labelBase}, or its name, ` +
        `or ${key}.json with such an entry "label"${asText}`,
    );
  }
  const text = told[ending] as string;
  const label = parseLabel(text, labelBase);
  if (label !== null) return label;
  const hint = text.trim() === "0" ? `; if labels count from 0, ${FROM_ZERO_HINT}` : "";
  throw usage(
    `${path}, the label in ${key}.${ending} is ${JSON.stringify(text)}, but must be the number of a class, from ` +
      `${labelBase}, or its name${hint}`,
  );
}

function openLink(path: string, name: string, target: string): PeaError {
  return usage(
    `${path}, ${name} is a link to ${target}, which the archive does not hold: pack the file itself, ` +
      "with tar's option --dereference",
  );
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
