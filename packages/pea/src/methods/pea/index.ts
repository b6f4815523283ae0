/**
 * Progressive Ensemble Activations; see README.md beside this file.
 *
 * @module
 */
export { type ApplyPeaOptions, applyPea } from "./apply.ts";
export { EnsembleActivation, type MaskKind } from "./ensemble-activation.ts";
export { finalize } from "./finalize.ts";
export { type EnsembleSettings, PeaHandle } from "./handle.ts";
export { PeaMethod, type PeaMethodOptions } from "./pea-method.ts";
export type { BetaChoice, SitePatterns } from "./site-choices.ts";
