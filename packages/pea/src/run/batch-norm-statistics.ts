/**
 * Batch norm's statistics apart from training.
 *
 * @module
 */
import {
  add,
  BatchNorm1d,
  BatchNorm2d,
  clone,
  copyInPlace,
  type Module,
  mean,
  noGrad,
  onForward,
  scope,
  sqrt,
  type Tensor,
  variance,
} from "@pea/torch";
import type { Batch, BatchLoader } from "../data/loading/loader.ts";

type BatchNorm = BatchNorm1d | BatchNorm2d;

export const isBatchNorm = (module: Module): module is BatchNorm =>
  module instanceof BatchNorm1d || module instanceof BatchNorm2d;

export function batchNormsOf(model: Module): BatchNorm[] {
  return [...model.namedModules().values()].filter(isBatchNorm);
}

/** The running means and variances of a network's batch norms. */
export function statisticsOf(model: Module): Tensor[] {
  return batchNormsOf(model).flatMap(({ runningMean, runningVar }) => [runningMean, runningVar]);
}

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
  const norms = batchNormsOf(model);
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

/**
 * Gives batch norms that do no more than add their bias yet the mean and variance of what they read of the first training
 * batch, and weights and biases that undo them: they still do the same in evaluation, and nearly the same in training. Such
 * ones stand where a network had none, and where branches were merged.
 *
 * @param loader of the training part
 * @returns how many there were
 */
export async function settleIdleNorms(model: Module, loader: BatchLoader): Promise<number> {
  const idle = batchNormsOf(model).filter(isIdle);
  if (idle.length === 0) return 0;
  const wasTraining = model.training;
  model.eval();
  try {
    for await (const { images } of loader.batches(0)) {
      scope(() => noGrad(() => settle(idle, model, images)));
      break;
    }
  } finally {
    model.train(wasTraining);
  }
  return idle.length;
}

/** Whether x + bias is what it makes of x. A fresh one, whose variance is 1, is none. */
function isIdle({ weight, runningMean, runningVar, eps }: BatchNorm): boolean {
  const all = (values: Tensor, expected: number) =>
    (values.toTypedArray() as Float32Array).every((value) => Math.abs(value - expected) < 1e-7);
  return all(weight, 1) && all(runningMean, 0) && all(runningVar, 1 - eps);
}

function settle(norms: readonly BatchNorm[], model: Module, images: Tensor): void {
  const read = new Map<BatchNorm, { mean: Tensor; spread: Tensor }>();
  const unhook = norms.map((norm) =>
    onForward(norm, (input) => {
      const dim = [...input.shape.keys()].filter((axis) => axis !== 1);
      read.set(norm, { mean: mean(input, { dim }), spread: variance(input, { dim }) });
    }),
  );
  try {
    model.forward(images);
  } finally {
    for (const off of unhook) off();
  }
  for (const [norm, { mean, spread }] of read) {
    copyInPlace(norm.runningMean, mean);
    copyInPlace(norm.runningVar, spread);
    copyInPlace(norm.bias, add(norm.bias, mean));
    copyInPlace(norm.weight, sqrt(add(spread, norm.eps)));
  }
}
