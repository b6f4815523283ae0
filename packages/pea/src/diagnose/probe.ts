/**
 * Looking into a network with one batch.
 *
 * @module
 */
import { clone, copyInPlace, type Module, noGrad, onForward, scope, type Tensor } from "@pea/torch";
import { isActivation } from "../activations/activation-modules.ts";
import { isPassing } from "../activations/passing-activation.ts";
import type { LabelledImages } from "../data/loading/loader.ts";
import { isBatchNorm } from "../run/batch-norm-statistics.ts";
import type { Scores, Task } from "../tasks/task.ts";
import type { NormMismatch, SiteStatistics, ViewDiagnostics } from "./row.ts";
import { normMismatch, siteStatistics } from "./statistics.ts";

const isSite = (module: Module): boolean => isPassing(module) || isActivation(module);

/**
 * Runs `batch` through the network as it is evaluated and looks at each site and batch norm, then once more with the
 * batch's own statistics. The network is afterwards as it was to the last bit, in the mode it had, and no random number
 * is drawn.
 */
export function probe(model: Module, batch: LabelledImages, task: Task): ViewDiagnostics {
  const wasTraining = model.training;
  model.eval();
  try {
    const sites: SiteStatistics[] = [];
    const norms: NormMismatch[] = [];
    const running = watched(model, { sites, norms }, () => score(model, batch, task));
    return { running, batch: withBatchStatistics(model, () => score(model, batch, task)), sites, norms };
  } finally {
    model.train(wasTraining);
  }
}

/** Runs `body` with statistics being taken at each site and batch norm. */
function watched<T>(
  model: Module,
  into: { sites: SiteStatistics[]; norms: NormMismatch[] },
  body: () => T,
): T {
  const release: (() => void)[] = [];
  try {
    for (const [path, module] of model.namedModules()) {
      const look = (watch: (input: Tensor) => void) => release.push(onForward(module, watch));
      if (isSite(module)) look((input) => into.sites.push({ path, ...siteStatistics(input) }));
      if (isBatchNorm(module)) look((input) => into.norms.push({ path, ...normMismatch(input, module) }));
    }
    return body();
  } finally {
    for (const unhook of release) unhook();
  }
}

/**
 * Runs `body` with batch norms that normalize by the batch, of this process alone; their running statistics are put back after
 * it.
 */
function withBatchStatistics<T>(model: Module, body: () => T): T {
  return scope(() =>
    noGrad(() => {
      const norms = [...model.namedModules().values()].filter(isBatchNorm);
      const sums = norms.map(({ sumOverRanks }) => sumOverRanks);
      const saved = norms.flatMap(({ runningMean, runningVar, numBatchesTracked }) =>
        [runningMean, runningVar, numBatchesTracked].map((buffer) => ({ buffer, value: clone(buffer) })),
      );
      try {
        for (const norm of norms) Object.assign(norm, { training: true, sumOverRanks: null });
        return body();
      } finally {
        for (const [i, norm] of norms.entries())
          Object.assign(norm, { training: false, sumOverRanks: sums[i] });
        for (const { buffer, value } of saved) copyInPlace(buffer, value);
      }
    }),
  );
}

function score(model: Module, { images, labels }: LabelledImages, task: Task): Scores {
  const sums = task.startSums({ device: images.device, purpose: "training" });
  try {
    scope(() =>
      noGrad(() => {
        const logits = model.forward(images);
        sums.add(task.loss(logits, labels), logits, labels);
      }),
    );
    return task.scores(sums.read());
  } finally {
    sums.dispose();
  }
}
