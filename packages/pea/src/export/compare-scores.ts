/**
 * The network of floats and what was written of it, on the same images with labels.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import {
  argmax,
  eq,
  foldBatchNorms,
  type Module,
  narrow,
  noGrad,
  scope,
  sum,
  type Tensor,
  tensor,
} from "@pea/torch";
import type { BatchLoader } from "../data/loading/loader.ts";
import { requireImages } from "../tasks/evaluate.ts";
import { type MetricName, mainScore, metricOf, type Scores, type Task } from "../tasks/task.ts";
import type { DeployedSession } from "./deployed-session.ts";

/** Scores before and after, in percent. */
export interface ScoreComparison {
  readonly images: number;
  readonly metric: MetricName;
  readonly float: Scores;
  readonly deployed: Scores;
  /** Points of the metric that are lost; below 0 where some are won. */
  readonly loss: number;
  /** Share of the images, or pixels, of which both name the same class, in percent. */
  readonly sameClass: number;
}

/**
 * Scores both.
 *
 * @param model of floats, on the CPU
 * @param loader of evaluation
 */
export async function compareScores(
  model: Module,
  session: DeployedSession,
  loader: BatchLoader,
  { task, onProgress }: { task: Task; onProgress?: (images: number) => void },
): Promise<ScoreComparison> {
  const start = () => task.startSums({ device: "cpu", purpose: "evaluation" });
  const sums = { float: start(), deployed: start() };
  let [images, same, predictions] = [0, 0, 0];
  let unfold: (() => void) | undefined;
  try {
    for await (const { images: batch, labels } of loader.batches()) {
      unfold ??= scope(() => foldBatchNorms(model, narrow(batch, 0, 0, 1)));
      const answer = await session.run(batch.toTypedArray() as Float32Array, batch.shape, (done) =>
        onProgress?.(images + done),
      );
      scope(() =>
        noGrad(() => {
          const logits = {
            float: model.forward(batch),
            deployed: tensor(answer.values, { shape: answer.shape }),
          };
          for (const kind of ["float", "deployed"] as const)
            sums[kind].add(task.loss(logits[kind], labels), logits[kind], labels);
          const [a, b] = [logits.float, logits.deployed].map((each) => argmax(each, { dim: 1 }));
          same += sum(eq(a as Tensor, b as Tensor)).item();
          predictions += (a as Tensor).numel;
        }),
      );
      images += batch.shape[0] as number;
      onProgress?.(images);
    }
    requireImages(images);
    const [float, deployed] = [sums.float, sums.deployed].map((each) => task.scores(each.read())) as [
      Scores,
      Scores,
    ];
    const loss = mainScore(float) - mainScore(deployed);
    if (Number.isNaN(loss))
      throw new PeaError(`none of the ${images} images has a label that counts: there is nothing to score`);
    return { images, metric: metricOf(float), float, deployed, loss, sameClass: (100 * same) / predictions };
  } finally {
    unfold?.();
    for (const each of Object.values(sums)) each.dispose();
  }
}
