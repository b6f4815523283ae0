import {
  addInPlace,
  argmax,
  clamp,
  crossEntropyLoss,
  detach,
  div,
  keep,
  mul,
  ne,
  noGrad,
  scope,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "@pea/torch";
import { IGNORED } from "../../images/label-table.ts";
import type { BrokenDownTask, ScoreSums, Sums, SumsOptions } from "../task.ts";
import { confusion } from "./confusion.ts";
import { type ConfusionMatrix, countPixels, intersectionOverUnion, meanIou } from "./iou.ts";
import { PixelAnswers } from "./pixel-answers.ts";
import { pixelEvaluation } from "./pixel-evaluation.ts";

interface SegmentationSums extends Sums {
  matrix: ConfusionMatrix;
}

/** One class for each pixel. */
export function segmentation(classes: readonly string[]): BrokenDownTask<SegmentationSums> {
  const { length } = classes;
  return {
    name: "segmentation",
    metric: "miou",
    exampleNetwork: "erfnet-segmentation",
    outputShape: ([, ...pixels]) => [length, ...pixels],
    loss: pixelCrossEntropy,
    countLabels: (labels) => scope(() => countedPixels(labels).item()),
    startSums: (options) => new PixelSums(length, options),
    startAnswers: () => new PixelAnswers(classes),
    evaluation: pixelEvaluation,
    scores(to, from) {
      const matrix = from ? to.matrix.map((count, i) => count - (from.matrix[i] as number)) : to.matrix;
      const { counted, right } = countPixels(matrix, length);
      const ious = intersectionOverUnion(matrix, length);
      return {
        loss: (to.loss - (from?.loss ?? 0)) / counted,
        miou: 100 * meanIou(ious),
        pixelAccuracy: (100 * right) / counted,
        classIou: Object.fromEntries(
          ious.map((iou, c) => [classes[c] as string, Number.isNaN(iou) ? null : 100 * iou]),
        ),
      };
    },
  };
}

/**
 * Cross-entropy, mean over the pixels of the batch that are not ignored. A batch that has none gives 0, with gradients
 * of 0, where the mean would be 0 / 0.
 *
 * @param logits [N, classes, H, W]
 * @param labels int64 [N, H, W], 255 for ignored pixels
 */
export function pixelCrossEntropy(
  logits: Tensor,
  labels: Tensor,
  { labelSmoothing }: { labelSmoothing?: number } = {},
): Tensor {
  return scope(() => {
    const total = crossEntropyLoss(logits, labels, {
      reduction: "sum",
      ignoreIndex: IGNORED,
      labelSmoothing,
    });
    return div(total, clamp(countedPixels(labels), { min: 1 }));
  });
}

const countedPixels = (labels: Tensor): Tensor => sum(ne(labels, IGNORED));

/** Loss summed over pixels, in float64, and the confusion matrix in int64. */
class PixelSums implements ScoreSums<SegmentationSums> {
  #images: number;
  readonly #loss: Tensor;
  readonly #matrix: Tensor;

  constructor(
    private readonly classes: number,
    { device, start }: SumsOptions<SegmentationSums>,
  ) {
    const cells = (classes + 1) ** 2;
    this.#images = start?.images ?? 0;
    this.#loss = keep(zeros([], { dtype: "float64", device }));
    this.#matrix = keep(
      start
        ? tensor(BigInt64Array.from(start.matrix, BigInt), { device })
        : zeros([cells], { dtype: "int64", device }),
    );
    if (start) addInPlace(this.#loss, start.loss);
  }

  add(loss: Tensor, logits: Tensor, labels: Tensor): void {
    this.#images += labels.shape[0] as number;
    scope(() =>
      noGrad(() => {
        addInPlace(this.#loss, mul(detach(loss), countedPixels(labels)));
        addInPlace(this.#matrix, confusion(argmax(logits, { dim: 1 }), labels, this.classes));
      }),
    );
  }

  read(): SegmentationSums {
    const counts = this.#matrix.toTypedArray() as BigInt64Array;
    return { images: this.#images, loss: this.#loss.item(), matrix: Array.from(counts, Number) };
  }

  dispose(): void {
    this.#loss.dispose();
    this.#matrix.dispose();
  }
}
