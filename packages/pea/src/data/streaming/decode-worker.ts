/**
 * A thread of the decode pool: takes lists of samples, reads, decodes and preprocesses each into its place of the
 * batch, and answers with those it could not read.
 *
 * @module
 */
import { parentPort } from "node:worker_threads";
import type { SampleKey } from "../move.ts";
import type { SampleLocation } from "../sources/sample-source.ts";
import { BadSampleError, openImage } from "./decode.ts";
import { type Preprocessing, preprocess } from "./preprocess.ts";
import { SampleReader } from "./sample-reader.ts";

/** A sample to put at a place of the batch. */
export interface DecodeSample {
  readonly location: SampleLocation;
  readonly key: SampleKey;
  readonly place: number;
}

export interface DecodeRequest {
  readonly id: number;
  readonly samples: readonly DecodeSample[];
  readonly preprocessing: Preprocessing;
  /** RGB, place by place; shared with the thread that asks. */
  readonly pixels: SharedArrayBuffer;
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

async function decode({ samples, preprocessing, pixels }: DecodeRequest): Promise<BadSample[]> {
  const { width, height } = preprocessing.size;
  const length = 3 * width * height;
  const bad: BadSample[] = [];
  for (const { location, key, place } of samples) {
    try {
      const image = await openImage(reader.read(location));
      preprocess(image, preprocessing, key, new Uint8Array(pixels, place * length, length));
    } catch (error) {
      if (!(error instanceof BadSampleError)) throw error;
      bad.push({ place, name: location.name, reason: error.message });
    }
  }
  return bad;
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
