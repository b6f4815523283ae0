/**
 * Learning rates as pure functions of the step, so that a resumed run needs nothing but its step number.
 *
 * Step i is zero-based: the number of weight updates done before this one.
 */

export const learningRateShapes = ["cosine", "step", "constant", "onecycle", "restarts"] as const;
export type LearningRateShape = (typeof learningRateShapes)[number];

export interface LearningRatePlan {
  readonly shape: LearningRateShape;
  /** The rate at the end of the warm-up, the highest of the run. */
  readonly peak: number;
  readonly warmupSteps: number;
  readonly totalSteps: number;
  /** Steps after which the rate falls, ascending; read by the shape "step" alone. */
  readonly boundaries: readonly number[];
  /** Factor of each fall of the shape "step". */
  readonly gamma: number;
  /** Whether a boundary itself still has the old rate, as in Keras, or the new one. */
  readonly boundary: "inclusive" | "strict";
  /** Read by the shape "restarts" alone: steps of the first cycle, at least 1, and how much longer each next one is. */
  readonly cycle?: { readonly steps: number; readonly growth: number };
}

/** The rates that one cycle begins and ends with, as PyTorch's `div_factor` and `final_div_factor` have them. */
const oneCycle = { first: 1 / 25, last: 1 / 25 / 1e4 };

/**
 * Learning rate of one step.
 *
 * - warm-up, i < W: peak · i / W, hence 0 at step 0 (spec recipes 1.1)
 * - "cosine": peak · ½(1 + cos(π(i − W)/(N − W))) (spec recipes 3.1)
 * - "step": peak · gamma^k, k = number of boundaries below i ("inclusive", Keras' test: a boundary still has the old
 *   rate and the step after it the new one, spec recipes 1.1), or of those up to i ("strict")
 * - "constant": peak
 * - "onecycle": by half cosines from peak / 25 to peak in step W − 1, and on to peak / 250,000 in step N − 1 (Smith and Topin
 *   2018, as PyTorch's `OneCycleLR`; momentum stays as it is)
 * - "restarts": peak · ½(1 + cos(π t/T)), t steps into a cycle of T, after which the rate begins anew (SGDR; Loshchilov and
 *   Hutter 2017)
 */
export function learningRateAt(step: number, plan: LearningRatePlan): number {
  const { shape, peak, warmupSteps, totalSteps } = plan;
  if (shape === "onecycle") return oneCycleAt(step, plan);
  if (step < warmupSteps) return (peak * step) / warmupSteps;
  switch (shape) {
    case "cosine": {
      const progress = (step - warmupSteps) / Math.max(totalSteps - warmupSteps, 1);
      return halfCosine(peak, 0, progress);
    }
    case "step":
      return peak * plan.gamma ** firstStepsOfFalls(plan).filter((first) => step >= first).length;
    case "constant":
      return peak;
    case "restarts": {
      const starts = firstStepsOfCycles(plan);
      const current = starts.findLastIndex((first) => step >= first);
      const [first = 0, next = 1] = starts.slice(current);
      return halfCosine(peak, 0, (step - first) / (next - first));
    }
  }
}

/** From one rate to another, `progress` going from 0 to 1. */
const halfCosine = (from: number, to: number, progress: number): number =>
  to + (from - to) * 0.5 * (1 + Math.cos(Math.PI * progress));

function oneCycleAt(step: number, { peak, warmupSteps, totalSteps }: LearningRatePlan): number {
  const top = Math.max(warmupSteps - 1, 0);
  if (step < top) return halfCosine(peak * oneCycle.first, peak, step / top);
  return halfCosine(peak, peak * oneCycle.last, (step - top) / Math.max(totalSteps - 1 - top, 1));
}

/** The first step of each cycle of the shape "restarts", up to the first beyond the run. */
function firstStepsOfCycles({ shape, cycle, warmupSteps, totalSteps }: LearningRatePlan): number[] {
  if (shape !== "restarts" || cycle === undefined) return [];
  const starts = [warmupSteps];
  for (let length = cycle.steps, start = warmupSteps; start < totalSteps; length *= cycle.growth) {
    start += Math.max(Math.round(length), 1);
    starts.push(start);
  }
  return starts;
}

/** The steps at which the rate takes a turn: the end of the warm-up, falls, and cycles that begin. */
export function turnsOf(plan: LearningRatePlan): number[] {
  const { shape, warmupSteps, totalSteps } = plan;
  const top = shape === "onecycle" ? Math.max(warmupSteps - 1, 0) : warmupSteps;
  const turns = [top, ...firstStepsOfFalls(plan), ...firstStepsOfCycles(plan)];
  return turns.filter((step) => step < totalSteps);
}

/** The first step with each of the lower rates of the shape "step". */
function firstStepsOfFalls({ boundaries, boundary }: LearningRatePlan): number[] {
  return boundaries.map((step) => (boundary === "inclusive" ? step + 1 : step));
}
