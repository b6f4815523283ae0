/** Loss and hits summed over images. */
import {
  addInPlace,
  argmax,
  detach,
  eq,
  keep,
  noGrad,
  scope,
  sum,
  type Tensor,
  topk,
  unsqueeze,
  zeros,
} from "@pea/torch";

/** Means over images. */
export interface Scores {
  /** Cross-entropy in nats. */
  loss: number;
  /** Images whose class has the largest logit, in percent. */
  top1: number;
  /** Images whose class is among the five largest logits, in percent; only with more than five classes. */
  top5?: number;
}

/** Sums as numbers, exact in JSON. */
export interface Sums {
  images: number;
  loss: number;
  top1: number;
  top5: number;
}

/** Sums that stay on the device, in float64: adding a batch never waits for the computation. */
export class ScoreSums {
  private images = 0;
  private readonly loss: Tensor;
  private readonly top1: Tensor;
  private readonly top5: Tensor;

  /** @param start sums to go on from */
  constructor(
    private readonly options: { device: string; top5: boolean },
    start: Sums = { images: 0, loss: 0, top1: 0, top5: 0 },
  ) {
    const cell = (value: number) => {
      const made = keep(zeros([], { dtype: "float64", device: options.device }));
      return value === 0 ? made : addInPlace(made, value);
    };
    this.images = start.images;
    this.loss = cell(start.loss);
    this.top1 = cell(start.top1);
    this.top5 = cell(start.top5);
  }

  /**
   * Adds a batch of N images.
   *
   * @param loss mean over the batch, a scalar
   * @param logits [N, classes]
   * @param labels int64 [N]
   */
  add(loss: Tensor, logits: Tensor, labels: Tensor): void {
    const count = labels.numel;
    this.images += count;
    scope(() =>
      noGrad(() => {
        addInPlace(this.loss, detach(loss), { alpha: count });
        addInPlace(this.top1, sum(eq(argmax(logits, { dim: 1 }), labels)));
        if (!this.options.top5) return;
        const largest = topk(logits, 5, { dim: 1 }).indices;
        addInPlace(this.top5, sum(eq(largest, unsqueeze(labels, 1))));
      }),
    );
  }

  /** The sums so far; waits for the device. */
  read(): Sums {
    return {
      images: this.images,
      loss: this.loss.item(),
      top1: this.top1.item(),
      top5: this.top5.item(),
    };
  }

  dispose(): void {
    for (const cell of [this.loss, this.top1, this.top5]) cell.dispose();
  }
}

/** Means of what was added between two readings; `from` left out: since the start. */
export function meanScores(to: Sums, from?: Sums): Scores & { top5: number } {
  const images = to.images - (from?.images ?? 0);
  return {
    loss: (to.loss - (from?.loss ?? 0)) / images,
    top1: (100 * (to.top1 - (from?.top1 ?? 0))) / images,
    top5: (100 * (to.top5 - (from?.top5 ?? 0))) / images,
  };
}
