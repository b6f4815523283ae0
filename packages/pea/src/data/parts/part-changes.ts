/**
 * How data have changed since a run began, and which images it must not be scored on.
 *
 * @module
 */

import { partWords } from "../sources/part-names.ts";
import { type Place, places } from "./cut-parts.ts";
import { joined, KnownParts } from "./known-parts.ts";
import type { PartIds } from "./part-ids.ts";

/** Parts whose images are to be new to the network. */
export type ScoredPart = "validation" | "test";

export interface PartChanges {
  /** Images that there are now. */
  readonly images: Readonly<Record<ScoredPart, number>>;
  /** Images that the run has not known, by where they are now. */
  readonly added: Readonly<Record<Place, number>>;
  /** Images that are no longer there, by where they were. */
  readonly gone: Readonly<Record<Place, number>>;
  readonly moved: readonly { readonly from: Place; readonly to: Place; readonly images: number }[];
  /** Images that were trained on, by their index in the part that they are in now. */
  readonly trainedOn: Readonly<Record<ScoredPart, readonly number[]>>;
}

/**
 * Compares the parts that there are now with those that a run began with.
 *
 * @param now of the parts that were looked at: of others nothing is said, but that an image is here that was there
 */
export function compareParts(known: KnownParts, now: Partial<PartIds>): PartChanges {
  const added = zeros();
  const moves = new Map<string, number>();
  const trainedOn = { validation: [] as number[], test: [] as number[] };
  for (const place of places)
    for (const [index, id] of now[place]?.entries() ?? []) {
      if (known.has(place, id)) continue;
      const from = places.find((other) => known.has(other, id));
      if (from === undefined) {
        added[place]++;
        continue;
      }
      const move = `${from} ${place}`;
      moves.set(move, (moves.get(move) ?? 0) + 1);
      if (from === "train" && (place === "validation" || place === "test")) trainedOn[place].push(index);
    }
  const images = { validation: now.validation?.length ?? 0, test: now.test?.length ?? 0 };
  return { images, added, gone: countGone(known, now), moved: Array.from(moves, toMove), trainedOn };
}

function toMove([move, images]: [string, number]): PartChanges["moved"][number] {
  const [from, to] = move.split(" ") as [Place, Place];
  return { from, to, images };
}

function countGone(known: KnownParts, now: Partial<PartIds>): Record<Place, number> {
  const none = new BigInt64Array(0);
  const present = new KnownParts({ train: none, validation: none, test: none, unused: none, ...now });
  const gone = zeros();
  for (const place of places.filter((place) => now[place] !== undefined))
    for (const id of known.ids[place]) if (!places.some((other) => present.has(other, id))) gone[place]++;
  return gone;
}

const zeros = (): Record<Place, number> => ({ train: 0, validation: 0, test: 0, unused: 0 });

/** Whether the data are what they were. */
export function isUnchanged({ added, gone, moved }: PartChanges): boolean {
  return moved.length === 0 && places.every((place) => added[place] === 0 && gone[place] === 0);
}

/** Whether the training images are not what they were. */
export function isTrainingChanged({ added, gone, moved }: PartChanges): boolean {
  return (
    added.train > 0 || gone.train > 0 || moved.some(({ from, to }) => from === "train" || to === "train")
  );
}

/**
 * The parts of a run that goes on with data that have changed. What it was trained on it stays trained on, and images
 * among these are none of its validation or test part, so that later commands will refuse them, too.
 */
export function continuedParts(known: KnownParts, now: PartIds): KnownParts {
  const unseen = (place: ScoredPart) =>
    now[place].filter((id) => known.has(place, id) || !known.has("train", id));
  return new KnownParts({
    train: joined([known.ids.train, now.train]),
    validation: unseen("validation"),
    test: unseen("test"),
    unused: now.unused,
  });
}

/** The changes in words, of which there are some: `3 images are new (2 training, 1 test), 1 is gone (test)`. */
export function describeChanges({ added, gone, moved }: PartChanges): string {
  const facts = [countOf(added, "new"), countOf(gone, "gone"), ...moved.map(describeMove)];
  return facts.filter((fact) => fact !== "").join(", ");
}

function countOf(counts: Readonly<Record<Place, number>>, what: string): string {
  const total = places.reduce((sum, place) => sum + counts[place], 0);
  if (total === 0) return "";
  const parts = places
    .filter((place) => counts[place] > 0)
    .map((place) => `${counts[place]} ${placeWords[place]}`);
  return `${total} ${total === 1 ? "image is" : "images are"} ${what} (${parts.join(", ")})`;
}

const describeMove = ({ from, to, images }: PartChanges["moved"][number]): string =>
  `${images} ${images === 1 ? "has" : "have"} moved from ${placeWords[from]} to ${placeWords[to]}`;

const placeWords: Readonly<Record<Place, string>> = { ...partWords, unused: "left out by limitTrain" };
