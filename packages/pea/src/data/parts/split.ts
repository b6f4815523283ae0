import { permutation } from "../../common/philox.ts";
import { type DataPart, isInMemory } from "./part.ts";

/** The samples of a part, cut in two. Indices ascend. */
export interface Split {
  readonly kept: Int32Array;
  readonly drawn: Int32Array;
}

/**
 * Draws a share of the samples at random and stratified: each class gives the same share of its samples, rounded. The
 * draw depends on the labels in their order, the share and the seed alone; a sample more or less makes another one.
 *
 * @param options.share share of the samples to draw, between 0 and 1
 */
export function splitByPosition(
  labels: Int32Array | BigInt64Array,
  { share, seed }: { share: number; seed: number },
): Split {
  const isDrawn = new Uint8Array(labels.length);
  const classSizes = new Map<number | bigint, number>();
  for (const label of labels) classSizes.set(label, (classSizes.get(label) ?? 0) + 1);
  const wanted = new Map(Array.from(classSizes, ([label, size]) => [label, Math.round(share * size)]));
  for (const index of permutation(labels.length, seed, "split", 0)) {
    const label = labels[index] as number | bigint;
    const missing = wanted.get(label) as number;
    if (missing <= 0) continue;
    isDrawn[index] = 1;
    wanted.set(label, missing - 1);
  }
  return toSplit(isDrawn);
}

/** The samples by whether they are drawn. */
export function toSplit(isDrawn: Uint8Array): Split {
  const indices = Int32Array.from(isDrawn.keys());
  return {
    kept: indices.filter((index) => isDrawn[index] === 0),
    drawn: indices.filter((index) => isDrawn[index] === 1),
  };
}

/** The labels of a part: classes, or the groups of images with label maps. */
export function labelsOf(part: DataPart): Int32Array | BigInt64Array {
  return isInMemory(part) ? (part.labels.toTypedArray() as BigInt64Array) : part.labels;
}
