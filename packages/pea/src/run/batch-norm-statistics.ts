/**
 * Batch norm's statistics apart from training.
 *
 * @module
 */
import { BatchNorm1d, BatchNorm2d, clone, copyInPlace, type Module, noGrad, scope } from "@pea/torch";
import type { Batch, BatchLoader } from "../data/loading/loader.ts";

type BatchNorm = BatchNorm1d | BatchNorm2d;

export const isBatchNorm = (module: Module): module is BatchNorm =>
  module instanceof BatchNorm1d || module instanceof BatchNorm2d;

/**
 * Computes running statistics anew, as the mean over some training batches of the batch's mean and variance: the
 * statistics of the weights and activations of this moment, where the running ones trail behind both ("precise batch
 * norm" of Wu and Johnson, Rethinking "Batch" in BatchNorm, 2021). All else runs as in evaluation, so that no random
 * number is drawn, and the result follows from the weights and the batches alone.
 *
 * @param loader of the training part; the first `batches` of `epoch` (from 0) are taken, or all there are
 */
export async function reestimateStatistics(
  model: Module,
  loader: BatchLoader,
  { epoch, batches }: { epoch: number; batches: number },
): Promise<void> {
  const wasTraining = model.training;
  model.eval();
  let count = 0;
  try {
    for await (const batch of loader.batches(epoch)) {
      // The k-th batch has the weight 1/k, which makes the mean; the first replaces what was there.
      takeIn(model, batch, 1 / ++count);
      if (count === batches) break;
    }
  } finally {
    model.train(wasTraining);
  }
}

/** One pass that moves the running statistics by `momentum`; the passes of training are not counted up. */
function takeIn(model: Module, { images }: Batch, momentum: number): void {
  const norms = [...model.namedModules().values()].filter(isBatchNorm);
  scope(() =>
    noGrad(() => {
      const saved = norms.map((norm) => ({
        norm,
        momentum: norm.momentum,
        passes: clone(norm.numBatchesTracked),
      }));
      try {
        for (const norm of norms) Object.assign(norm, { training: true, momentum });
        model.forward(images);
      } finally {
        for (const { norm, momentum, passes } of saved) {
          Object.assign(norm, { training: false, momentum });
          copyInPlace(norm.numBatchesTracked, passes);
        }
      }
    }),
  );
}
