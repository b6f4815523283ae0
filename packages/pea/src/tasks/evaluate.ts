/** Scores of a network on a set of images. */
import { PeaError } from "@pea/core";
import { foldBatchNorms, type Module, narrow, noGrad, scope } from "@pea/torch";
import type { BatchLoader } from "../data/loading/loader.ts";
import { sharedWork } from "../data/loading/unreadable-images.ts";
import { added, alone, type Ranks } from "../distributed/ranks.ts";
import type { Answers } from "./breakdown.ts";
import { mainScore, type Scores, type Task } from "./task.ts";

/** @throws PeaError where all images of a part have been left out */
export function requireImages(count: number): void {
  if (count === 0) throw new PeaError("none of the images can be read: there is nothing to score");
}

/**
 * Scores `model` in evaluation mode and float32, without label smoothing (spec recipes 1.3), then puts it back into
 * the mode it had. Batch normalization is folded into the convolutions meanwhile.
 *
 * @param loader of evaluation: every sample once, none augmented
 * @param options.answers gathers what is said of each image, to be broken down
 * @param options.onProgress called after each batch with the images done so far
 * @param options.ranks processes whose loaders share the samples: the scores are those of all
 * @throws PeaError where no label counts
 */
export async function evaluate(
  model: Module,
  loader: BatchLoader,
  {
    task,
    device,
    answers,
    onProgress,
    ranks = alone,
  }: {
    task: Task;
    device: string;
    answers?: Answers;
    onProgress?: (images: number) => void;
    ranks?: Ranks;
  },
): Promise<Scores> {
  const wasTraining = model.training;
  const sums = task.startSums({ device, purpose: "evaluation" });
  let unfold: (() => void) | undefined;
  let done = 0;
  model.eval();
  const scoreShare = async () => {
    for await (const { images, labels, indices } of loader.batches()) {
      unfold ??= scope(() => foldBatchNorms(model, narrow(images, 0, 0, 1)));
      scope(() =>
        noGrad(() => {
          const logits = model.forward(images);
          sums.add(task.loss(logits, labels), logits, labels);
          answers?.add(logits, labels, indices);
        }),
      );
      done += indices.length;
      onProgress?.(done);
      // Lets a signal end the process.
      await new Promise(setImmediate);
    }
  };
  try {
    await sharedWork(ranks, scoreShare);
    if (ranks.size > 1) await answers?.share?.(ranks);
    const read = added(await ranks.gather(sums.read()));
    requireImages(read.images);
    const scores = task.scores(read);
    if (Number.isNaN(mainScore(scores)))
      throw new PeaError(
        `none of the ${read.images} images has a label that counts: there is nothing to score`,
      );
    return scores;
  } finally {
    unfold?.();
    model.train(wasTraining);
    sums.dispose();
  }
}
