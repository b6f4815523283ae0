/** What memory training takes, found by doing some of its steps. */
import { useKernels } from "@pea/kernels";
import {
  backward,
  clone,
  contiguous,
  copyInPlace,
  emptyCache,
  type Module,
  mean,
  mul,
  randn,
  SGD,
  scope,
  TorchError,
} from "@pea/torch";
import { alone } from "../distributed/ranks.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { createOptimizer } from "../run/create-optimizer.ts";
import { trainingLoader } from "../run/loaders.ts";
import type { OpenedRun } from "../run/prepare-run.ts";
import { beginMethods } from "./train.ts";
import { TrainingStep } from "./training-step.ts";

/** Whether libtorch found no memory for a tensor. */
export function isOutOfMemory(error: unknown): boolean {
  return error instanceof TorchError && error.message.includes("out of memory");
}

/**
 * Does steps, and tells the resident memory of this process afterwards, in bytes: the engine's own allocator keeps what they took at
 * most. What is kept of before is given back first.
 */
async function memoryOf(steps: () => void | Promise<void>): Promise<number> {
  emptyCache();
  await steps();
  return process.memoryUsage.rss();
}

/**
 * Trains a run's network by its first batch, once in the midst of each phase and at least twice: what a step keeps for the next is
 * there from the second on. The network is another one afterwards.
 *
 * @returns bytes of this process at most, but for evaluation and checkpoints
 */
export async function peakOfTraining(recipe: Recipe, opened: OpenedRun): Promise<number> {
  const { data, model, methods, plan } = opened;
  const prepared = { ...opened, optimizer: createOptimizer(model, recipe) };
  const { task } = data;
  const sums = task.startSums({ device: recipe.device, purpose: "training" });
  const training = new TrainingStep({ ...prepared, task, settings: recipe, ranks: alone });
  try {
    await beginMethods(prepared);
    const batches = trainingLoader(data, recipe, { ...plan, changes: methods.imageChanges });
    const midsts = methods.phases.map(({ firstStep, endStep }) => Math.floor((firstStep + endStep) / 2));
    return await memoryOf(async () => {
      for await (const batch of batches.batches(0, 0)) {
        for (const step of midsts.length > 1 ? midsts : [0, 0])
          await training.make(batch, { step, learningRate: 0, counted: null, sums });
        break;
      }
    });
  } finally {
    training.dispose();
    sums.dispose();
    prepared.optimizer.dispose();
  }
}

/**
 * Trains a network twice by random images, in the memory format of a run, with SGD and momentum. Weights and
 * statistics are as before afterwards.
 *
 * @param inputShape [channels, height, width]
 * @returns bytes of this process at most
 */
export async function peakOfNetwork(
  model: Module,
  inputShape: readonly number[],
  batch: number,
): Promise<number> {
  useKernels();
  model.to({ memoryFormat: "channels_last" });
  const optimizer = new SGD(model.parameters(), { lr: 0, momentum: 0.9 });
  const statistics = [...model.namedBuffers().values()].map((own) => ({ own, before: clone(own) }));
  const step = () =>
    scope(() => {
      const images = contiguous(randn([batch, ...inputShape]), { memoryFormat: "channels_last" });
      optimizer.zeroGrad();
      backward(
        scope(() => {
          const answers = model.forward(images);
          return mean(mul(answers, answers));
        }),
      );
      optimizer.step();
    });
  const bytes = await memoryOf(() => {
    step();
    step();
  });
  optimizer.dispose();
  for (const { own, before } of statistics) {
    copyInPlace(own, before);
    before.dispose();
  }
  return bytes;
}
