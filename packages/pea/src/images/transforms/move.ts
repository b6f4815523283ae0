import { bounded, randomWords } from "../../common/philox.ts";

/** Which random changes a training image goes through. */
export interface Augmentation {
  /** Mirror left and right with probability ½. */
  readonly flip: boolean;
  /** Pad by so many black pixels on each side, then crop back to size at a random place; 0 for none. */
  readonly padding: number;
}

/** A sample in an epoch: what its draws depend on, and nothing else. */
export interface SampleKey {
  /** Integer from 0 to 2^53 − 1. */
  readonly seed: number;
  readonly epoch: number;
  /** Index in the data set. */
  readonly index: number;
}

/**
 * What happens to one image: output pixel (y, x) is pixel (top + y, left + x) of the padded image, with W − 1 − x in
 * the place of x where it is mirrored.
 */
export interface Move {
  readonly isMirrored: boolean;
  /** From 0 to twice the padding. */
  readonly top: number;
  readonly left: number;
}

/** The move of a sample: the same in whatever batch or process, and however often it is drawn. */
export function drawMove({ flip, padding }: Augmentation, { seed, epoch, index }: SampleKey): Move {
  const [flipWord, topWord, leftWord] = randomWords(seed, "augmentation", epoch, index);
  return {
    isMirrored: flip && bounded(flipWord, 2) === 1,
    top: bounded(topWord, 2 * padding + 1),
    left: bounded(leftWord, 2 * padding + 1),
  };
}

/** The number of a move among those of its augmentation, below 2 · (2 · padding + 1)². */
export function variantOf({ isMirrored, top, left }: Move, { padding }: Augmentation): number {
  const places = 2 * padding + 1;
  return (top * places + left) * 2 + Number(isMirrored);
}

/** The numbers of some samples' moves in an epoch. */
export function variantsOf(
  augmentation: Augmentation,
  { indices, ...key }: Omit<SampleKey, "index"> & { indices: Int32Array },
): Int32Array {
  return indices.map((index) => variantOf(drawMove(augmentation, { ...key, index }), augmentation));
}
