/**
 * Learning rates as pure functions of the step, so that a resumed run needs nothing but its step number.
 *
 * Step i is zero-based: the number of weight updates done before this one.
 */

export const learningRateShapes = ["cosine", "step", "constant"] as const;
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
}

/**
 * Learning rate of one step.
 *
 * - warm-up, i < W: peak · i / W, hence 0 at step 0 (spec recipes 1.1)
 * - "cosine": peak · ½(1 + cos(π(i − W)/(N − W))) (spec recipes 3.1)
 * - "step": peak · gamma^k, k = number of boundaries below i ("inclusive", Keras' test: a boundary still has the old
 *   rate and the step after it the new one, spec recipes 1.1), or of those up to i ("strict")
 * - "constant": peak
 */
export function learningRateAt(step: number, plan: LearningRatePlan): number {
  const { shape, peak, warmupSteps, totalSteps } = plan;
  if (step < warmupSteps) return (peak * step) / warmupSteps;
  switch (shape) {
    case "cosine": {
      const progress = (step - warmupSteps) / Math.max(totalSteps - warmupSteps, 1);
      return peak * 0.5 * (1 + Math.cos(Math.PI * progress));
    }
    case "step":
      return peak * plan.gamma ** firstStepsOfFalls(plan).filter((first) => step >= first).length;
    case "constant":
      return peak;
  }
}

/** The first step with each of the lower rates of the shape "step". */
export function firstStepsOfFalls({ boundaries, boundary }: LearningRatePlan): number[] {
  return boundaries.map((step) => (boundary === "inclusive" ? step + 1 : step));
}
