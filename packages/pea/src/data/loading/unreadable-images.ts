/**
 * Images that cannot be read: those that stop a command, and those that it goes on without.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { counted } from "../../common/counted.ts";
import type { Ranks } from "../../distributed/ranks.ts";
import { enumerate } from "../sources/list-folder.ts";

/** An image that could not be read. */
export interface SkippedSample {
  /** Its file, and its place in there. */
  readonly name: string;
  readonly reason: string;
}

/** So many are named one by one; in a summary fewer. */
const NAMED = 20;
const FEW = 5;

/** Images that cannot be read, where such are to stop what is done. */
export class UnreadableImagesError extends PeaError {
  override name = "UnreadableImagesError";

  /** Of several processes that train together, whether all have it, at the same moment. */
  readonly isOfAll: boolean;

  constructor(
    readonly images: readonly SkippedSample[],
    { isOfAll = false } = {},
  ) {
    super(
      `${describeUnreadable(images)}. Repair or remove ${images.length === 1 ? "it" : "them"}, or go on without such images ` +
        "with --on-bad-sample skip (in a recipe, onBadSample: skip)",
    );
    this.isOfAll = isOfAll;
  }
}

/**
 * Work on images of which each of several processes has its share: where some of one cannot be read, it fails for all, and
 * names those of all.
 *
 * @throws UnreadableImagesError
 */
export async function sharedWork(ranks: Ranks, work: () => Promise<void>): Promise<void> {
  if (ranks.size === 1) return work();
  let own: readonly SkippedSample[] = [];
  try {
    await work();
  } catch (error) {
    if (!(error instanceof UnreadableImagesError)) throw error;
    own = error.images;
  }
  await failTogether(ranks, own);
}

/** @throws UnreadableImagesError where a rank has images that cannot be read */
export async function failTogether(ranks: Ranks, own: readonly SkippedSample[]): Promise<void> {
  const images = (await ranks.gather(own)).flat();
  if (images.length > 0) throw new UnreadableImagesError(images, { isOfAll: true });
}

/** `a.jpg cannot be read: it is empty`; of several images, how many and which. */
export function describeUnreadable(images: readonly SkippedSample[]): string {
  const [first] = images;
  if (first !== undefined && images.length === 1) return `${first.name} cannot be read: ${first.reason}`;
  const named = images.map(({ name, reason }) => `${name} (${reason})`);
  return `${images.length} images cannot be read: ${enumerate(named, NAMED)}`;
}

/** Images of a part that were left out, since they cannot be read. */
export interface SkippedImages {
  readonly count: number;
  /** The first of them by name. */
  readonly images: readonly SkippedSample[];
}

/** What was left out of each part; of a part that is whole, nothing. */
export type SkippedParts = Partial<Record<"train" | "validation" | "test" | "unlabelled", SkippedImages>>;

/** How many images were left out of each part; of a part that is whole, no number. */
export type SkippedCounts = Partial<Record<keyof SkippedParts, number>>;

/** The numbers alone. */
export function skippedCounts(parts: SkippedParts): SkippedCounts {
  return Object.fromEntries(Object.entries(parts).map(([part, { count }]) => [part, count]));
}

/** `2 training, 1 test`. */
export function describeSkippedCounts(counts: SkippedCounts): string {
  return Object.entries(counts)
    .map(([part, count]) => `${count} ${partInWords(part)}`)
    .join(", ");
}

const partInWords = (part: string): string => (part === "train" ? "training" : part);

/** What was left out, in a line for each part. */
export function listSkippedParts(parts: SkippedParts = {}): string[] {
  return Object.entries(parts).map(([part, { count, images }]) => {
    const what = counted(count, `${partInWords(part)} image`);
    const names = images.slice(0, FEW).map(({ name }) => name);
    const others = count > names.length ? ` and ${count - names.length} more` : "";
    return `left out, for they cannot be read: ${what}: ${names.join(", ")}${others}`;
  });
}

/** They are found in any order: several are read at a time. */
const byName = (a: SkippedSample, b: SkippedSample): number =>
  Number(a.name > b.name) - Number(a.name < b.name);

/** Counts and names what was left out; undefined where nothing was. */
export function skippedOf(
  parts: Partial<Record<keyof SkippedParts, ReadonlyMap<string, SkippedSample>>>,
): SkippedParts | undefined {
  const found = Object.entries(parts).filter(([, { size }]) => size > 0);
  if (found.length === 0) return undefined;
  return Object.fromEntries(
    found.map(([part, samples]) => [
      part,
      { count: samples.size, images: [...samples.values()].sort(byName).slice(0, NAMED) },
    ]),
  );
}
