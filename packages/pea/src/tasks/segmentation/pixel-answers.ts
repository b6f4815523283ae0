import { argmax, narrow, noGrad, scope, type Tensor } from "@pea/torch";
import type { Ranks } from "../../distributed/ranks.ts";
import { type Answers, confusedPairs, type SegmentationBreakdown, worstFirst } from "../breakdown.ts";
import { confusion } from "./confusion.ts";
import { intersectionOverUnion, meanIou } from "./iou.ts";

/** How a network takes the pixels of each image of an evaluation. */
export class PixelAnswers implements Answers {
  readonly #classes: readonly string[];
  /** Of all images, see `ConfusionMatrix`. */
  readonly #matrix: Float64Array;
  readonly #images: { index: number; miou: number }[] = [];

  constructor(classes: readonly string[]) {
    this.#classes = classes;
    this.#matrix = new Float64Array((classes.length + 1) ** 2);
  }

  add(logits: Tensor, labels: Tensor, indices: ArrayLike<number>): void {
    const { length } = this.#classes;
    for (const [place, index] of Array.from(indices).entries()) {
      const matrix = scope(() =>
        noGrad(() => {
          const answers = argmax(narrow(logits, 0, place, 1), { dim: 1 });
          const counts = confusion(answers, narrow(labels, 0, place, 1), length).toTypedArray();
          return Array.from(counts as BigInt64Array, Number);
        }),
      );
      for (const [cell, count] of matrix.entries())
        this.#matrix[cell] = (this.#matrix[cell] as number) + count;
      const miou = 100 * meanIou(intersectionOverUnion(matrix, length));
      // An image without a pixel that counts is neither good nor bad.
      if (!Number.isNaN(miou)) this.#images.push({ index, miou });
    }
  }

  async share(ranks: Ranks): Promise<void> {
    const all = await ranks.gather({ matrix: this.#matrix, images: this.#images });
    this.#matrix.fill(0);
    for (const { matrix } of all)
      for (const [cell, count] of matrix.entries())
        this.#matrix[cell] = (this.#matrix[cell] as number) + count;
    const images = all.flatMap(({ images }) => images).sort((a, b) => a.index - b.index);
    this.#images.splice(0, this.#images.length, ...images);
  }

  breakDown(nameOf: (index: number) => string): SegmentationBreakdown {
    const classes = this.#classes;
    const { length } = classes;
    const matrix = Array.from(this.#matrix);
    const ious = intersectionOverUnion(matrix, length);
    // What is taken for a class that is not evaluated is among the pixels, but no pair of two classes.
    const totals = classes.map((_, label) =>
      matrix.slice(label * (length + 1), (label + 1) * (length + 1)).reduce((sum, count) => sum + count, 0),
    );
    const cells = new Map<number, number>();
    for (let label = 0; label < length; label++)
      for (let answer = 0; answer < length; answer++)
        cells.set(label * length + answer, matrix[label * (length + 1) + answer] as number);
    return {
      task: "segmentation",
      classes: classes.map((name, label) => {
        const iou = ious[label] as number;
        return {
          name,
          pixels: totals[label] as number,
          correct: cells.get(label * (length + 1)) as number,
          iou: Number.isNaN(iou) ? null : 100 * iou,
        };
      }),
      confused: confusedPairs(cells, totals).map(({ label, answer, count, share }) => ({
        label: classes[label] as string,
        answer: classes[answer] as string,
        pixels: count,
        share,
      })),
      worst: worstFirst(this.#images, ({ miou }) => miou).map(({ index, miou }) => ({
        image: nameOf(index),
        miou,
      })),
    };
  }

  dispose(): void {}
}
