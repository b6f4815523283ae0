/** Confusion matrices and what is read from them (spec recipes 3.4, the official evaluation of Cityscapes). */
import { meanOf } from "../../common/mean.ts";

/**
 * How many pixels of each class were taken for which: rows are labels, columns answers. Behind the K classes that are
 * evaluated stands one row and one column for all that is not: (K + 1)² counts, row by row.
 */
export type ConfusionMatrix = readonly number[];

/**
 * Intersection over union of each evaluated class: TP / (TP + FP + FN), NaN where all three are 0. FN are a class's
 * pixels taken for anything else, also for what is not evaluated; FP are pixels of other evaluated classes taken for it.
 * Pixels whose label is not evaluated count nowhere.
 *
 * @param classes K
 */
export function intersectionOverUnion(matrix: ConfusionMatrix, classes: number): number[] {
  const at = (label: number, answer: number) => matrix[label * (classes + 1) + answer] as number;
  return Array.from({ length: classes }, (_, c) => {
    const truePositives = at(c, c);
    let falseNegatives = at(c, classes);
    let falsePositives = 0;
    for (let other = 0; other < classes; other++) {
      if (other === c) continue;
      falseNegatives += at(c, other);
      falsePositives += at(other, c);
    }
    return truePositives / (truePositives + falsePositives + falseNegatives);
  });
}

/** Mean over the classes that are not NaN; NaN where none is. */
export function meanIou(ious: readonly number[]): number {
  return meanOf(ious.filter((iou) => !Number.isNaN(iou)));
}

/** Pixels with an evaluated label, and those of them that were taken for what they are. */
export function countPixels(matrix: ConfusionMatrix, classes: number): { counted: number; right: number } {
  const evaluated = matrix.slice(0, classes * (classes + 1));
  const right = evaluated.filter((_, i) => i % (classes + 2) === 0);
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  return { counted: sum(evaluated), right: sum(right) };
}
