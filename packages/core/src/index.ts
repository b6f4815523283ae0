/**
 * Progressive Ensemble Activations in plain numbers: activations, ensembles, schedules, variant codes and the paper's
 * tables. No dependency; runs wherever JavaScript runs.
 *
 * @module @pea/core
 */
export {
  type Activation,
  type ActivationName,
  activationNamed,
  activations,
  addActivation,
  type SmoothActivation,
  type SmoothName,
  smoothActivations,
  smoothNamed,
} from "./activations/index.ts";
export {
  type Duration,
  durationToSteps,
  formatDuration,
  parseDuration,
  type RunLength,
} from "./duration.ts";
export { checkAlpha, type Ensemble, stochasticVariance, weighted, weightedDerivative } from "./ensemble.ts";
export { PeaError, type PeaErrorKind, type PeaErrorOptions } from "./error.ts";
export { type MaskKey, stochasticMask } from "./mask.ts";
export { defaultInitial, planPhases } from "./phases.ts";
export {
  alphaAt,
  type PhaseName,
  type PhasePlan,
  phaseAt,
  planOfSite,
  type ScheduleOptions,
  type ScheduleShape,
} from "./schedule.ts";
export * as paperTables from "./tables.ts";
export { formatVariant, ownSmooth, parseVariant, type TransitionEnd, type Variant } from "./variant.ts";
