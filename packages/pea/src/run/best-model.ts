/**
 * Which model of a run is its best one, and why a run has none.
 *
 * @module
 */
import type { Methods } from "../methods/methods.ts";
import type { TrainingPlan } from "./plan.ts";

/** What a model is chosen by: its scores on the validation part. */
export interface Standing {
  /** Of the task's metric, in percent. */
  score: number;
  /** null where it is not known. */
  loss: number | null;
}

/**
 * Does a later model take the place of the best one so far? With the higher score; among equals with the lower loss, and
 * among those as the later one. Where a loss is not known the earlier one stays: earlier versions chose by the score
 * alone, the first of equals.
 */
export function takesPlaceOf(best: Standing, later: Standing): boolean {
  if (later.score !== best.score) return later.score > best.score;
  return best.loss !== null && later.loss !== null && later.loss <= best.loss;
}

/** What decides whether a run can have a best model. */
export interface Choice {
  plan: Pick<TrainingPlan, "epochs" | "stepsPerEpoch" | "totalSteps" | "selectFromStep">;
  /** Fitted. */
  methods: Pick<Methods, "phases" | "isCandidate">;
  hasValidation: boolean;
}

/** Why no epoch of a run can be the best model, in words; undefined where one can. The last epoch tells: none is later. */
export function whyNoBest({ plan, methods, hasValidation }: Choice): string | undefined {
  if (!hasValidation)
    return "there are no validation images to choose it by: valFraction is 0, and the data have no validation part";
  const { epochs, stepsPerEpoch, totalSteps, selectFromStep } = plan;
  const last = { firstStep: totalSteps - stepsPerEpoch, endStep: totalSteps };
  const begins = `epoch ${epochs}, the last, begins after step ${last.firstStep} of ${totalSteps}`;
  if (selectFromStep > last.firstStep)
    return `no epoch lies wholly behind selectFrom, which is step ${selectFromStep}: ${begins}; set selectFrom to an earlier point`;
  if (methods.isCandidate(last)) return undefined;
  const phase = methods.phases.find(({ endStep }) => endStep > last.firstStep)?.name;
  return `no epoch lies wholly behind the ${phase} phase: ${begins}; end that phase earlier or train more epochs`;
}
