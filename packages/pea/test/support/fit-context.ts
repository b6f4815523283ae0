import type { FitContext } from "../../src/methods/index.ts";
import { createModel } from "../../src/models/index.ts";

/** A run of 12 epochs of 10 steps, for a method that is fitted without a trainer. */
export function fitContext(run: Partial<FitContext> = {}): FitContext {
  return {
    model: createModel("mobilenet-0.25-small", { classes: 10 }),
    totalSteps: 120,
    stepsPerEpoch: 10,
    seed: 7,
    inputShape: [1, 28, 28],
    phases: [],
    ...run,
  };
}
