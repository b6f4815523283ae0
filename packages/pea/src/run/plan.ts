/** The course of a run in steps, worked out before anything is trained. */
import { durationToSteps, parseDuration } from "@pea/core";
import { SettingError } from "../common/setting-error.ts";
import type { Methods } from "../methods/methods.ts";
import { type LearningRatePlan, learningRateAt, turnsOf } from "../recipe/lr-schedule.ts";
import type { Recipe } from "../recipe/recipe.ts";

export interface TrainingPlan {
  readonly epochs: number;
  /** Whole batches of one epoch; what is left over is another set of images each epoch (spec recipes 1.2). */
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  readonly learningRate: LearningRatePlan;
  /** First step of the span in which the best model may lie. */
  readonly selectFromStep: number;
}

/**
 * Lays a recipe over a number of training images.
 *
 * @param stepsPerEpoch of a run that has begun: it keeps them, whatever its training images are now
 * @throws PeaError of kind usage when the images do not fill one batch or a duration is longer than the run
 */
export function planTraining(
  recipe: Recipe,
  trainImages: number,
  stepsPerEpoch = Math.floor(trainImages / recipe.batchSize),
): TrainingPlan {
  const { batchSize, epochs } = recipe;
  if (stepsPerEpoch === 0)
    throw new SettingError(
      (name) =>
        `${name("batchSize")} is ${batchSize}, but there are only ${trainImages} training images ` +
        `(${name("limitTrain")} ${recipe.limitTrain}, ${name("valFraction")} ${recipe.valFraction}); ` +
        `lower ${name("batchSize")}${recipe.limitTrain === 1 ? "" : ` or raise ${name("limitTrain")}`}`,
    );
  const totalSteps = stepsPerEpoch * epochs;
  const steps = (key: string, duration: string | number): number => {
    const count = durationToSteps(parseDuration(duration), { stepsPerEpoch, totalSteps });
    if (count > totalSteps)
      throw new SettingError(
        (name) => `${name(key)} is ${duration} (${count} steps), but the run has only ${totalSteps} steps`,
      );
    return count;
  };
  return {
    epochs,
    stepsPerEpoch,
    totalSteps,
    learningRate: {
      shape: recipe.lrSchedule,
      peak: recipe.lr,
      warmupSteps: steps("warmup", recipe.warmup),
      totalSteps,
      boundaries:
        recipe.lrSchedule === "step"
          ? recipe.lrSteps.map((duration) => steps("lrSteps", duration)).sort((a, b) => a - b)
          : [],
      gamma: recipe.lrGamma,
      boundary: recipe.lrBoundary,
      ...(recipe.lrSchedule === "restarts" && { cycle: cycleOf(recipe, steps) }),
    },
    selectFromStep: steps("selectFrom", recipe.selectFrom),
  };
}

function cycleOf(
  { lrCycle, lrCycleGrowth }: Recipe,
  steps: (key: string, duration: string | number) => number,
): LearningRatePlan["cycle"] {
  const count = steps("lrCycle", lrCycle);
  if (count === 0)
    throw new SettingError(
      (name) => `${name("lrCycle")} is ${lrCycle}, which is less than a step of this run; take 1st or more`,
    );
  return { steps: count, growth: lrCycleGrowth };
}

/** A step at which a phase or the learning rate takes a turn. */
export interface Joint {
  step: number;
  /** Epoch of the step, from 1. */
  epoch: number;
  learningRate: number;
  phase: string;
  /** What the methods log at this step, e.g. `{ alpha: 0.5 }`. */
  scalars: Record<string, number>;
}

/** The joints of a run, in order: first and last step, first step of each phase, turns of the learning rate. */
export function joints(plan: TrainingPlan, methods: Methods): Joint[] {
  const { totalSteps, stepsPerEpoch, learningRate } = plan;
  const turns = new Set([
    0,
    ...turnsOf(learningRate),
    ...methods.phases.map((phase) => phase.firstStep),
    totalSteps - 1,
  ]);
  return [...turns]
    .filter((step) => step < totalSteps)
    .sort((a, b) => a - b)
    .map((step) => {
      methods.beforePass(step);
      return {
        step,
        epoch: Math.floor(step / stepsPerEpoch) + 1,
        learningRate: methods.learningRate(learningRateAt(step, learningRate), step),
        phase: methods.phase,
        scalars: methods.scalars(),
      };
    });
}
