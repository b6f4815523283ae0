/**
 * Fused operators: the ensembles of ReLU and a smooth activation, which are also there composed of plain operators;
 * batch normalization with what follows it; 3×3, 3×1, 1×3, 1×1, depthwise and stem convolutions; max pooling;
 * SGD's update; the standardization of images; least and greatest of clamped numbers.
 *
 * @module @pea/kernels
 */
export { batchNormAct, type EnsembleActModule } from "./batch-norm-act.ts";
export { type ClampBounds, clampExtremes } from "./clamp-extremes.ts";
export { compactMaxPool2d } from "./compact-max-pool.ts";
export { ensembleActComposite } from "./composite.ts";
export { conv3x1 } from "./conv3x1.ts";
export { conv3x3 } from "./conv3x3.ts";
export { cpuCapability } from "./cpu-capability.ts";
export { depthwise } from "./depthwise.ts";
export { ensembleAct } from "./ensemble-act.ts";
export type { EnsembleActOptions } from "./ensemble-act-options.ts";
export { type ElementFunction, hasKernel, type KernelActivation } from "./kernel-activations.ts";
export { loadKernels } from "./load.ts";
export { ensembleMask, type MaskOptions } from "./mask.ts";
export { ownConvolution } from "./own-convolution.ts";
export { pointwise } from "./pointwise.ts";
export { sgdStep } from "./sgd-step.ts";
export { type StandardizeOptions, standardizeBytes } from "./standardize.ts";
export { stem } from "./stem.ts";
export { useKernels } from "./use-kernels.ts";
