/**
 * What of each batch is whose. A rank's share are neighbours in the batch, as are the parts that it passes them in: N ranks
 * see the parts that one process sees with `microBatch` = the batch's N-th.
 *
 * @module
 */
import { type NameOfKey, SettingError } from "../common/setting-error.ts";
import type { Ranks } from "./ranks.ts";

/** Which of the ranks, of how many. */
export type Place = Pick<Ranks, "rank" | "size">;

/** The share of a rank in a batch, or in whatever else stands in a row. */
export function shareOf(batch: Int32Array, { rank, size }: Place): Int32Array {
  const at = (share: number) => Math.floor((batch.length * share) / size);
  return batch.subarray(at(rank), at(rank + 1));
}

/** Images of a step, and of a forward pass (0: a rank's whole share). */
type BatchSizes = { batchSize: number; microBatch: number };

/** How many images each of the parts has that a rank passes its share in. */
export function sizesOfParts({ batchSize, microBatch }: BatchSizes, { size }: Pick<Place, "size">): number[] {
  const share = batchSize / size;
  const whole = Math.min(microBatch || share, share);
  return Array.from({ length: Math.ceil(share / whole) }, (_, i) => Math.min(whole, share - i * whole));
}

/** How the parts of a rank's share are counted: the index of its first among those of the whole batch. */
export function firstPartOf(sizes: BatchSizes, place: Place): number {
  return place.rank * sizesOfParts(sizes, place).length;
}

/**
 * @param run.goesOn whether its batches stay as they are
 * @throws PeaError of kind usage where a batch cannot be shared evenly
 */
export function requireEvenShares(
  batchSize: number,
  { size }: Pick<Place, "size">,
  { goesOn }: { goesOn: boolean },
): void {
  if (batchSize % size === 0) return;
  const problem = (name: NameOfKey) =>
    `${name("batchSize")} is ${batchSize}, which ${size} processes cannot share evenly`;
  if (goesOn)
    throw new SettingError(
      (name) =>
        `${problem(name)}, and stays so in a run that has begun; go on with ${processesFor(batchSize, size)}`,
    );
  const [below, above] = [Math.floor(batchSize / size) * size, Math.ceil(batchSize / size) * size];
  throw new SettingError(
    (name) =>
      `${problem(name)}; take ${below > 0 ? `${below} or ` : ""}${above}, or another number of processes`,
  );
}

/** The numbers next to one that is asked for among which a batch can be shared. */
function processesFor(batchSize: number, asked: number): string {
  const numbers = Array.from({ length: batchSize }, (_, i) => i + 1).filter(
    (count) => batchSize % count === 0,
  );
  const below = numbers.findLast((count) => count < asked);
  const above = numbers.find((count) => count > asked);
  const names = [below, above].filter((count) => count !== undefined);
  return `${names.join(" or ")} ${names.join() === "1" ? "process" : "processes"}`;
}
