/**
 * Progressive Ensemble Activations for TensorFlow.js, in the form of the paper's own implementation: Layers and
 * Callbacks.
 *
 * @module @pea/tfjs
 */
export { type ApplyPeaOptions, applyPea, resumePea } from "./apply.ts";
export { PeaCallback, type PeaCallbackOptions } from "./callback.ts";
export type { TargetName } from "./elementwise/index.ts";
export { EnsembleActivation, type EnsembleActivationArgs } from "./ensemble-activation.ts";
export type { EnsembleConfig, EnsembleSettings, EvaluationView } from "./ensemble-state.ts";
export { loadSafetensors, toSafetensors } from "./exchange/index.ts";
export { finalize } from "./finalize.ts";
export type { PeaHandle } from "./handle.ts";
export { checkTopology } from "./keras-topology.ts";
