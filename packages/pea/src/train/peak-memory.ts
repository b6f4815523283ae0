/** What memory training takes, found by doing some of its steps. */
import { backward, contiguous, type Module, mean, mul, randn, SGD, scope } from "@pea/torch";
import { alone } from "../distributed/ranks.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { createOptimizer } from "../run/create-optimizer.ts";
import { trainingLoader } from "../run/loaders.ts";
import type { OpenedRun } from "../run/prepare-run.ts";
import { beginMethods } from "./train.ts";
import { TrainingStep } from "./training-step.ts";

/** The most resident memory that this process has taken so far, in bytes. */
export function peakMemory(): number {
  return process.resourceUsage().maxRSS * 1024;
}

/**
 * Trains a run's network by its first batch, once in the midst of each phase and at least twice: what a step keeps for the next is
 * there from the second on. The network is another one afterwards.
 *
 * @returns `peakMemory` then, in bytes: that of evaluation and of checkpoints is not in it
 */
export async function peakOfTraining(recipe: Recipe, opened: OpenedRun): Promise<number> {
  const { data, model, methods, plan } = opened;
  const prepared = { ...opened, optimizer: createOptimizer(model, recipe) };
  await beginMethods(prepared);
  const { task } = data;
  const sums = task.startSums({ device: recipe.device, purpose: "training" });
  const training = new TrainingStep({ ...prepared, task, settings: recipe, ranks: alone });
  try {
    const batches = trainingLoader(data, recipe, { ...plan, changes: methods.imageChanges });
    for await (const batch of batches.batches(0, 0)) {
      const midsts = methods.phases.map(({ firstStep, endStep }) => Math.floor((firstStep + endStep) / 2));
      for (const step of midsts.length > 1 ? midsts : [0, 0])
        await training.make(batch, { step, learningRate: 0, counted: null, sums });
      break;
    }
    return peakMemory();
  } finally {
    training.dispose();
    sums.dispose();
    prepared.optimizer.dispose();
  }
}

/**
 * Trains a network twice by random images, in the memory format of a run, with SGD and momentum. Weights and statistics are
 * others afterwards.
 *
 * @param inputShape [channels, height, width]
 * @returns `peakMemory` then, in bytes
 */
export function peakOfNetwork(model: Module, inputShape: readonly number[], batch: number): number {
  model.to({ memoryFormat: "channels_last" });
  const optimizer = new SGD(model.parameters(), { lr: 0, momentum: 0.9 });
  for (let step = 0; step < 2; step++)
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
  optimizer.dispose();
  return peakMemory();
}
