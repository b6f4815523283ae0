/**
 * A network's scores broken down: class by class, which classes it takes for which, and the images it does worst on.
 *
 * @module
 */

import type { Tensor } from "@pea/torch";
import type { Ranks } from "../distributed/ranks.ts";

/** Scores of a network that names one class an image, broken down. */
export interface ClassificationBreakdown {
  task: "classification";
  /** In the order of the classes: images of the class, those of them that were taken for it, and their share in percent. */
  classes: { name: string; images: number; correct: number; accuracy: number | null }[];
  /**
   * Images of a class that were taken for another, and their share of the class's in percent; the most first. With
   * `correct` of the classes these are the confusion matrix: pairs that do not occur are left out.
   */
  confused: { label: string; answer: string; images: number; share: number }[];
  /** The images whose own class got the highest loss, with the class that they were taken for and its probability. */
  worst: { image: string; label: string; answer: string; probability: number; loss: number }[];
}

/** Scores of a network that names a class for each pixel, broken down; pixels that do not count are left out. */
export interface SegmentationBreakdown {
  task: "segmentation";
  /** In the order of the classes: pixels of the class, those of them that were taken for it, and its IoU in percent. */
  classes: { name: string; pixels: number; correct: number; iou: number | null }[];
  /** As in classification, of pixels. */
  confused: { label: string; answer: string; pixels: number; share: number }[];
  /** The images with the lowest mean IoU over the classes in their labels or answers, in percent. */
  worst: { image: string; miou: number }[];
}

export type Breakdown = ClassificationBreakdown | SegmentationBreakdown;

/** Answers of a network, gathered over an evaluation to be broken down. */
export interface Answers {
  /**
   * Adds a batch.
   *
   * @param logits, labels as in `ScoreSums`
   * @param indices of the images in their part
   */
  add(logits: Tensor, labels: Tensor, indices: ArrayLike<number>): void;
  /**
   * @param nameOf what an image is called, by its index
   * @returns all but the images that are not among the worst
   */
  breakDown(nameOf: (index: number) => string): Breakdown;
  /** Brings together the answers of ranks that shared the images; left out: several ranks break nothing down. */
  share?(ranks: Ranks): Promise<void>;
  dispose(): void;
}

/** So many of the worst images are named. */
const WORST = 20;

/** The worst images, the worst first: those with the lowest values, among equals in their order. */
export function worstFirst<Image extends { index: number }>(
  images: readonly Image[],
  scoreOf: (image: Image) => number,
): Image[] {
  // What is no number is the worst there is.
  const rank = (image: Image) => {
    const value = scoreOf(image);
    return Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
  };
  const compare = (a: number, b: number) => Number(a > b) - Number(a < b);
  return images.toSorted((a, b) => compare(rank(a), rank(b)) || a.index - b.index).slice(0, WORST);
}

/**
 * Which classes are taken for which others: the most often first, among equals in the order of the classes.
 *
 * @param matrix counts by label · classes + answer
 * @param totals of each class, of which `share` is a part, in percent
 */
export function confusedPairs(
  matrix: ReadonlyMap<number, number>,
  totals: readonly number[],
): { label: number; answer: number; count: number; share: number }[] {
  return Array.from(matrix, ([cell, count]) => {
    const label = Math.floor(cell / totals.length);
    return { label, answer: cell % totals.length, count, share: (100 * count) / (totals[label] as number) };
  })
    .filter(({ label, answer, count }) => label !== answer && count > 0)
    .sort((a, b) => b.count - a.count || a.label - b.label || a.answer - b.answer);
}

/** A breakdown with no more than the most frequent confusions, to be kept. */
export function shortened<B extends Breakdown>(breakdown: B, pairs = 20): B {
  return { ...breakdown, confused: breakdown.confused.slice(0, pairs) };
}
