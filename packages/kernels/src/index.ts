/**
 * The ensembles of ReLU and a smooth activation as one fused operator, and the same composed of plain operators.
 *
 * @module
 */
export { batchNormAct, type EnsembleActModule } from "./batch-norm-act.ts";
export { ensembleActComposite } from "./composite.ts";
export { type EnsembleActOptions, ensembleAct } from "./ensemble-act.ts";
export { loadKernels } from "./load.ts";
export { ensembleMask, type MaskOptions } from "./mask.ts";
