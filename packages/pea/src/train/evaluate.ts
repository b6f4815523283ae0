/** Scores of a network on a set of images. */
import { crossEntropyLoss, type Module, noGrad, scope } from "@pea/torch";
import type { BatchLoader } from "../data/loader.ts";
import { meanScores, ScoreSums, type Scores } from "./score-sums.ts";

/**
 * Scores `model` in evaluation mode and float32, without label smoothing (spec recipes 1.3), then puts it back into
 * the mode it had.
 *
 * @param loader of evaluation: every sample once, none augmented
 * @param classes length of the logits; top-5 is counted above five
 */
export async function evaluate(
  model: Module,
  loader: BatchLoader,
  { classes, device }: { classes: number; device: string },
): Promise<Scores> {
  const wasTraining = model.training;
  const sums = new ScoreSums({ device, top5: classes > 5 });
  model.eval();
  try {
    for await (const { images, labels } of loader.batches()) {
      scope(() =>
        noGrad(() => {
          const logits = model.forward(images);
          sums.add(crossEntropyLoss(logits, labels), logits, labels);
        }),
      );
      // Lets a signal end the process.
      await new Promise(setImmediate);
    }
    const { top5, ...scores } = meanScores(sums.read());
    return classes > 5 ? { ...scores, top5 } : scores;
  } finally {
    model.train(wasTraining);
    sums.dispose();
  }
}
