import {
  addInPlace,
  argmax,
  crossEntropyLoss,
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
import type { BrokenDownTask, ScoreSums, Sums, SumsOptions } from "../task.ts";
import { ClassAnswers } from "./class-answers.ts";

interface ClassificationSums extends Sums {
  top1: number;
  /** null where it is not counted. */
  top5: number | null;
}

/** One class for each image. */
export function classification(classes: readonly string[]): BrokenDownTask<ClassificationSums> {
  return {
    name: "classification",
    metric: "top1",
    exampleNetwork: "resnet18",
    outputShape: () => [classes.length],
    loss: (logits, labels, { labelSmoothing } = {}) => crossEntropyLoss(logits, labels, { labelSmoothing }),
    countLabels: (labels) => labels.numel,
    startSums: ({ purpose, ...options }) =>
      new HitSums({ ...options, countsTop5: purpose === "evaluation" && classes.length > 5 }),
    startAnswers: () => new ClassAnswers(classes),
    scores(to, from) {
      const images = to.images - (from?.images ?? 0);
      const percent = (now: number, before = 0) => (100 * (now - before)) / images;
      return {
        loss: (to.loss - (from?.loss ?? 0)) / images,
        top1: percent(to.top1, from?.top1),
        ...(to.top5 !== null && { top5: percent(to.top5, from?.top5 ?? 0) }),
      };
    },
  };
}

/** Loss and hits summed over images, in float64. */
class HitSums implements ScoreSums<ClassificationSums> {
  #images: number;
  readonly #loss: Tensor;
  readonly #top1: Tensor;
  readonly #top5: Tensor | null;

  constructor({
    device,
    countsTop5,
    start = { images: 0, loss: 0, top1: 0, top5: 0 },
  }: Omit<SumsOptions<ClassificationSums>, "purpose"> & { countsTop5: boolean }) {
    const cell = (value: number) => {
      const made = keep(zeros([], { dtype: "float64", device }));
      return value === 0 ? made : addInPlace(made, value);
    };
    this.#images = start.images;
    this.#loss = cell(start.loss);
    this.#top1 = cell(start.top1);
    this.#top5 = countsTop5 ? cell(start.top5 ?? 0) : null;
  }

  add(loss: Tensor, logits: Tensor, labels: Tensor): void {
    const count = labels.numel;
    this.#images += count;
    scope(() =>
      noGrad(() => {
        addInPlace(this.#loss, detach(loss), { alpha: count });
        addInPlace(this.#top1, sum(eq(argmax(logits, { dim: 1 }), labels)));
        if (this.#top5 === null) return;
        const largest = topk(logits, 5, { dim: 1 }).indices;
        addInPlace(this.#top5, sum(eq(largest, unsqueeze(labels, 1))));
      }),
    );
  }

  read(): ClassificationSums {
    return {
      images: this.#images,
      loss: this.#loss.item(),
      top1: this.#top1.item(),
      top5: this.#top5?.item() ?? null,
    };
  }

  dispose(): void {
    for (const cell of [this.#loss, this.#top1, this.#top5]) cell?.dispose();
  }
}
