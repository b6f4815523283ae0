import { PeaError } from "@pea/core";
import { FileWindow } from "./file-window.ts";
import type { ByteRange, OpenOptions, SampleSource } from "./sample-source.ts";
import { joinShards, type Shard } from "./shards.ts";
import { tarMembers } from "./tar.ts";

const imageExtension = /^(jpe?g|png|webp|tiff?)$/;

/** Whether a file's name is that of a tar archive. */
export function isTarName(name: string): boolean {
  return name.endsWith(".tar");
}

/**
 * Labelled images in tar archives, as WebDataset keeps them (spec recipes 6.5): files after each other whose names
 * agree up to the first dot are one sample, of which the image (`.jpg`, `.png`, …) and the label (`.cls`, a number
 * from 0) are used. Opening walks over the headers and reads labels; images wait until a sample is read.
 *
 * @param options.classes names of all classes. Left out: as many as there are labels, named by their numbers
 * @throws PeaError naming the archive that is damaged or truncated, and the sample that has no image or label
 */
export async function openWebDataset(
  paths: readonly string[],
  { classes, onOpening }: OpenOptions = {},
): Promise<SampleSource> {
  const shards: Shard[] = [];
  for (const path of paths) {
    shards.push(indexArchive(path));
    onOpening?.({ done: shards.length, path, total: paths.length });
    // Lets a signal in: there may be thousands of archives.
    await new Promise(setImmediate);
  }
  return joinShards(shards, { classes });
}

function indexArchive(path: string): Shard {
  const file = new FileWindow(path);
  const labels: number[] = [];
  const images: number[] = [];
  const keys: string[] = [];
  try {
    for (const { key, extensions, image, label } of samples(file)) {
      if (image === undefined) {
        const found = extensions.join(", ");
        throw new PeaError(
          `${path}, ${key} has no image: its files end in ${found}, none in jpg, png, webp or tif`,
        );
      }
      labels.push(parseLabel(path, key, label));
      images.push(image.begin, image.end);
      keys.push(key);
    }
  } finally {
    file.close();
  }
  if (labels.length === 0) throw new PeaError(`${path} holds no sample`);
  const keyOf = (index: number) => keys[index] as string;
  return { path, labels, images: Float64Array.from(images), nameOf: keyOf, keyOf };
}

interface TarSample {
  readonly key: string;
  /** Of all its files, in lower case. */
  readonly extensions: string[];
  /** Bytes of the encoded image. */
  image?: ByteRange;
  /** What its file `.cls` holds. */
  label?: string;
}

/** Runs of files with the same key. */
function* samples(file: FileWindow): Generator<TarSample> {
  let sample: TarSample | undefined;
  for (const { name, data } of tarMembers(file)) {
    const [key, extension] = splitName(name) ?? [];
    if (key === undefined || extension === undefined) continue;
    if (sample?.key !== key) {
      if (sample !== undefined) yield sample;
      sample = { key, extensions: [] };
    }
    if (sample.extensions.includes(extension))
      throw new PeaError(`${file.path}, ${key} has two files that end in ${extension}`);
    sample.extensions.push(extension);
    if (imageExtension.test(extension)) sample.image ??= data;
    if (extension === "cls")
      sample.label = file.read(data.begin, Math.min(data.end - data.begin, 20)).toString("latin1");
  }
  if (sample !== undefined) yield sample;
}

/** Cut at the first dot behind the last folder. Files without an extension and metadata (`__…__`) are no samples. */
function splitName(name: string): [key: string, extension: string] | undefined {
  const match = /^((?:.*\/)?[^/.]+)\.([^/]+)$/.exec(name);
  if (match === null || /(^|\/)__[^/]*__$/.test(name)) return undefined;
  return [match[1] as string, (match[2] as string).toLowerCase()];
}

function parseLabel(path: string, key: string, text: string | undefined): number {
  if (text === undefined)
    throw new PeaError(
      `${path}, ${key} has no label: a file ${key}.cls with the number of its class, from 0`,
    );
  if (/^\d{1,9}$/.test(text.trim())) return Number(text);
  throw new PeaError(
    `${path}, ${key}.cls holds ${JSON.stringify(text)}, but must hold the number of a class, from 0`,
  );
}
