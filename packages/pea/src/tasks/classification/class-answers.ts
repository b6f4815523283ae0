import {
  amax,
  argmax,
  cast,
  crossEntropyLoss,
  keep,
  noGrad,
  scope,
  softmax,
  stack,
  type Tensor,
  tensor,
} from "@pea/torch";
import type { Ranks } from "../../distributed/ranks.ts";
import { type Answers, type ClassificationBreakdown, confusedPairs, worstFirst } from "../breakdown.ts";

/** An image and what a network says of it. */
interface ImageAnswer {
  index: number;
  label: number;
  answer: number;
  /** Of the answer. */
  probability: number;
  /** Of the label. */
  loss: number;
}

/** What a network says of each image of an evaluation. */
export class ClassAnswers implements Answers {
  readonly #classes: readonly string[];
  /** Of each batch label, answer, probability and loss, [4, N]; on the device, so that nothing waits for it meanwhile. */
  readonly #batches: { values: Tensor; indices: ArrayLike<number> }[] = [];

  constructor(classes: readonly string[]) {
    this.#classes = classes;
  }

  add(logits: Tensor, labels: Tensor, indices: ArrayLike<number>): void {
    const values = scope(() =>
      noGrad(() => {
        const probability = amax(softmax(logits, 1), { dim: 1 });
        const loss = crossEntropyLoss(logits, labels, { reduction: "none" });
        const rows = [labels, argmax(logits, { dim: 1 }), probability, loss];
        return stack(rows.map((row) => cast(row, { dtype: "float64" })));
      }),
    );
    this.#batches.push({ values: keep(values), indices });
  }

  async share(ranks: Ranks): Promise<void> {
    const own = this.#batches.map(({ values, indices }) => ({
      numbers: values.toTypedArray() as Float64Array,
      indices: Int32Array.from(indices),
    }));
    const all = (await ranks.gather(own)).flat();
    this.dispose();
    const batches = all.map(({ numbers, indices }) => ({
      values: keep(tensor(numbers, { shape: [4, indices.length] })),
      indices,
    }));
    this.#batches.splice(0, this.#batches.length, ...batches);
  }

  breakDown(nameOf: (index: number) => string): ClassificationBreakdown {
    const classes = this.#classes;
    const images = this.#read();
    const matrix = new Map<number, number>();
    const totals = classes.map(() => 0);
    for (const { label, answer } of images) {
      const cell = label * classes.length + answer;
      matrix.set(cell, (matrix.get(cell) ?? 0) + 1);
      totals[label] = (totals[label] as number) + 1;
    }
    const named = (label: number) => classes[label] as string;
    return {
      task: "classification",
      classes: classes.map((name, label) => {
        const total = totals[label] as number;
        const correct = matrix.get(label * (classes.length + 1)) ?? 0;
        return { name, images: total, correct, accuracy: total === 0 ? null : (100 * correct) / total };
      }),
      confused: confusedPairs(matrix, totals).map(({ label, answer, count, share }) => ({
        label: named(label),
        answer: named(answer),
        images: count,
        share,
      })),
      worst: worstFirst(images, ({ loss }) => -loss).map(({ index, label, answer, probability, loss }) => ({
        image: nameOf(index),
        label: named(label),
        answer: named(answer),
        probability,
        loss,
      })),
    };
  }

  dispose(): void {
    for (const { values } of this.#batches) values.dispose();
  }

  #read(): ImageAnswer[] {
    const images = this.#batches.flatMap(({ values, indices }) => {
      const numbers = values.toTypedArray() as Float64Array;
      const [labels, answers, probabilities, losses] = [0, 1, 2, 3].map((row) =>
        numbers.subarray(row * indices.length, (row + 1) * indices.length),
      ) as [Float64Array, Float64Array, Float64Array, Float64Array];
      return Array.from(indices, (index, i) => ({
        index,
        label: labels[i] as number,
        answer: answers[i] as number,
        probability: probabilities[i] as number,
        loss: losses[i] as number,
      }));
    });
    // Those of several ranks come rank by rank.
    return images.sort((a, b) => a.index - b.index);
  }
}
