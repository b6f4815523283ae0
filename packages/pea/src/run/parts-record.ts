/**
 * `parts.safetensors` of a run: which images are in which part, as sorted ids of 64 bits, so that later commands can say
 * what has changed.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { readSafetensors, scope, tensor, writeSafetensors } from "@pea/torch";
import { places } from "../data/parts/cut-parts.ts";
import { KnownParts } from "../data/parts/known-parts.ts";
import type { PartIds } from "../data/parts/part-ids.ts";
import { type NetworkFacts, type RunDirectory, readRunConfig } from "./run-directory.ts";

/** What a run wrote down when it began. */
export interface RunRecord {
  /** null where config.yaml was written by hand. */
  readonly facts: NetworkFacts | null;
  /** null for a run of a version that kept no record of its parts. */
  readonly parts: KnownParts | null;
}

export function readRecord(run: RunDirectory): RunRecord {
  return { facts: readRunConfig(run).network ?? null, parts: readParts(run) };
}

export function writeParts({ parts }: RunDirectory, { ids }: KnownParts): void {
  scope(() => writeSafetensors(parts, new Map(places.map((place) => [place, tensor(ids[place])]))));
}

/**
 * The parts that a run began with; null for a run of a version that kept no record.
 *
 * @throws TorchError for a file that is damaged
 */
export function readParts({ parts }: RunDirectory): KnownParts | null {
  if (!existsSync(parts)) return null;
  return scope(() => {
    const { tensors } = readSafetensors(parts);
    const ids = (place: keyof PartIds) =>
      (tensors.get(place)?.toTypedArray() ?? new BigInt64Array(0)) as BigInt64Array;
    return new KnownParts({
      train: ids("train"),
      validation: ids("validation"),
      test: ids("test"),
      unused: ids("unused"),
    });
  });
}
