/**
 * Fused C++ operators for Progressive Ensemble Activations.
 *
 * @module
 */
export { type EnsembleOptions, ensembleAct, type SmoothName } from "./ensemble-act.ts";
export { loadKernels } from "./library.ts";
