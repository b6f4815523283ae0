/**
 * What of each batch is whose. A rank's share are neighbours in the batch, as are the parts that it passes them in: N ranks
 * see the parts that one process sees with `microBatch` = the batch's N-th.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { Ranks } from "./ranks.ts";

/** Which of the ranks, of how many. */
export type Place = Pick<Ranks, "rank" | "size">;

/** The share of a rank in a batch, or in whatever else stands in a row. */
export function shareOf(batch: Int32Array, { rank, size }: Place): Int32Array {
  const at = (share: number) => Math.floor((batch.length * share) / size);
  return batch.subarray(at(rank), at(rank + 1));
}

/** How the parts of a rank's share are counted: the index of its first among those of the whole batch. */
export function firstPartOf(
  { batchSize, microBatch }: { batchSize: number; microBatch: number },
  { rank, size }: Place,
): number {
  const share = batchSize / size;
  return rank * Math.ceil(share / Math.min(microBatch || share, share));
}

/** @throws PeaError of kind usage where a batch cannot be shared evenly */
export function requireEvenShares(batchSize: number, { size }: Place): void {
  if (batchSize % size === 0) return;
  const [below, above] = [Math.floor(batchSize / size) * size, Math.ceil(batchSize / size) * size];
  throw new PeaError(
    `batchSize is ${batchSize}, which ${size} processes cannot share evenly; take ${below > 0 ? `${below} or ` : ""}${above}, ` +
      "or another number of processes",
    { kind: "usage" },
  );
}
