import { addInPlace, cast, detach, keep, noGrad, scope, sum, type Tensor, zeros } from "@pea/torch";
import type { ScoreSums, Scores, Sums, SumsOptions, Task } from "./task.ts";

/** What is said of each image of a batch: numbers from 0 to 1, of any dtype, [N]. */
export type ImageScore = (logits: Tensor, labels: Tensor) => Tensor;

interface MeanSums extends Sums {
  /** In the order of the scores. */
  totals: number[];
}

/**
 * The part of a task that scores: means over the images, in percent. Networks are chosen and compared by the first.
 *
 * @example
 * meanScores({ within1: (logits, labels) => le(abs(sub(argmax(logits, { dim: 1 }), labels)), 1) })
 *
 * @param scores by their names
 */
export function meanScores(
  scores: Readonly<Record<string, ImageScore>>,
): Pick<Task<MeanSums>, "metric" | "startSums" | "scores"> {
  const names = Object.keys(scores);
  return {
    metric: names[0] ?? "loss",
    startSums: (options) => new Totals(Object.values(scores), options),
    scores(to, from): Scores {
      const images = to.images - (from?.images ?? 0);
      const mean = (place: number) => (100 * ((to.totals[place] ?? 0) - (from?.totals[place] ?? 0))) / images;
      return {
        loss: (to.loss - (from?.loss ?? 0)) / images,
        ...Object.fromEntries(names.map((name, place) => [name, mean(place)])),
      };
    },
  };
}

/** Loss and scores summed over images, in float64. */
class Totals implements ScoreSums<MeanSums> {
  #images: number;
  readonly #loss: Tensor;
  readonly #totals: readonly Tensor[];

  constructor(
    private readonly scores: readonly ImageScore[],
    { device, start }: SumsOptions<MeanSums>,
  ) {
    const cell = (value = 0) => addInPlace(keep(zeros([], { dtype: "float64", device })), value);
    this.#images = start?.images ?? 0;
    this.#loss = cell(start?.loss);
    this.#totals = scores.map((_, place) => cell(start?.totals[place]));
  }

  add(loss: Tensor, logits: Tensor, labels: Tensor): void {
    const count = labels.shape[0] as number;
    this.#images += count;
    scope(() =>
      noGrad(() => {
        addInPlace(this.#loss, detach(loss), { alpha: count });
        for (const [place, score] of this.scores.entries())
          addInPlace(this.#totals[place] as Tensor, sum(cast(score(logits, labels), { dtype: "float64" })));
      }),
    );
  }

  read(): MeanSums {
    return {
      images: this.#images,
      loss: this.#loss.item(),
      totals: this.#totals.map((total) => total.item()),
    };
  }

  dispose(): void {
    for (const cell of [this.#loss, ...this.#totals]) cell.dispose();
  }
}
