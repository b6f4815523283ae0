/**
 * A thread of the decode pool: takes lists of samples, reads, decodes and preprocesses each into its place of the
 * batch, and answers with those it could not read.
 *
 * @module
 */
import { parentPort } from "node:worker_threads";
import { BadSampleError } from "../../images/bad-sample.ts";
import { decodeClassMap, openImage } from "../../images/decode.ts";
import { IGNORED } from "../../images/label-table.ts";
import { type Preprocessing, preprocess, preprocessClasses } from "../../images/preprocess.ts";
import type { ClassMap } from "../../images/resample.ts";
import type { Size } from "../../images/transforms/crop.ts";
import type { ChangeImage, ImageBytes, SentImageChange } from "../../images/transforms/image-change.ts";
import type { SampleKey } from "../../images/transforms/move.ts";
import type { SampleLocation } from "../sources/sample-source.ts";
import { SampleReader } from "./sample-reader.ts";

/** A sample to put at a place of the batch. */
export interface DecodeSample {
  readonly location: SampleLocation;
  readonly key: SampleKey;
  readonly place: number;
}

/** Where the results go, place by place; shared with the thread that asks. */
export interface DecodeTarget {
  /** RGB. */
  readonly pixels: SharedArrayBuffer;
  /** Given where samples have label maps, or may have one: a byte per pixel, and the class of each byte of a map. */
  readonly classes?: { readonly map: SharedArrayBuffer; readonly classOf: Int16Array };
}

export interface DecodeRequest {
  readonly id: number;
  readonly samples: readonly DecodeSample[];
  readonly preprocessing: Preprocessing;
  readonly target: DecodeTarget;
  readonly changes: readonly SentImageChange[];
}

/** A sample that cannot be read. */
export interface BadSample {
  readonly place: number;
  readonly name: string;
  readonly reason: string;
}

export type DecodeReply =
  | { readonly id: number; readonly bad: readonly BadSample[] }
  | { readonly id: number; readonly error: unknown };

const reader = new SampleReader();

async function decode({ samples, preprocessing, target, changes }: DecodeRequest): Promise<BadSample[]> {
  const { width, height } = preprocessing.size;
  const length = width * height;
  const bad: BadSample[] = [];
  const changing = await Promise.all(changes.map(loadChange));
  for (const { location, key, place } of samples) {
    try {
      const image = await openImage(reader.read(location), preprocessing);
      const data = new Uint8Array(target.pixels, 3 * place * length, 3 * length);
      preprocess(image, preprocessing, key, data);
      for (const change of changing) change({ data, width, height, channels: 3 }, key);
      if (target.classes === undefined) continue;
      const { map, classOf } = target.classes;
      const out = new Uint8Array(map, place * length, length);
      if (location.labelMap === undefined) out.fill(IGNORED);
      else preprocessClasses(await readClassMap(location.labelMap, classOf, image), preprocessing, key, out);
    } catch (error) {
      if (!(error instanceof BadSampleError)) throw error;
      bad.push({ place, name: location.name, reason: error.message });
    }
  }
  return bad;
}

/** A module is loaded once. */
async function loadChange({ module, settings }: SentImageChange) {
  const { changeImage } = (await import(module)) as { changeImage: ChangeImage<unknown> };
  return (image: ImageBytes, key: SampleKey) => changeImage(image, settings, key);
}

/** @throws BadSampleError naming the file */
async function readClassMap(path: string, classOf: Int16Array, image: Size): Promise<ClassMap> {
  const reason = (problem: string) => new BadSampleError(`its label map ${path} cannot be read: ${problem}`);
  let map: ClassMap;
  try {
    map = await decodeClassMap(reader.read({ name: path, path }), classOf);
  } catch (error) {
    throw error instanceof BadSampleError ? reason(error.message) : error;
  }
  if (map.width === image.width && map.height === image.height) return map;
  const sizes = `it has ${map.height}×${map.width} pixels, but its image ${image.height}×${image.width}`;
  const isTurned = map.width === image.height && map.height === image.width;
  throw reason(
    isTurned
      ? `${sizes}: one of them lies on its side. An EXIF orientation of the image is followed or not by exifOrientation`
      : sizes,
  );
}

/** Requests are answered one after the other: another image in work would only compete for the same processor. */
let previous: Promise<void> = Promise.resolve();
parentPort?.on("message", (request: DecodeRequest) => {
  const answer = (reply: DecodeReply) => parentPort?.postMessage(reply);
  previous = previous
    .then(() => decode(request))
    .then((bad) => answer({ id: request.id, bad }))
    .catch((error: unknown) => answer({ id: request.id, error }));
});
