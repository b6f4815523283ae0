export * from "./activation.ts";
export { BatchNorm1d, BatchNorm2d, type BatchNormLayerOptions } from "./batch-norm.ts";
export * from "./batch-norm-act.ts";
export { type BatchNormAffine, batchNormAffine } from "./batch-norm-affine.ts";
export {
  type AfterBatchNorm,
  type BatchNormKernel,
  type BatchNormState,
  setBatchNormKernel,
} from "./batch-norm-kernel.ts";
export type { SumOverRanks } from "./batch-norm-over-ranks.ts";
export * from "./containers.ts";
export { Conv1d, Conv2d, type ConvLayerOptions, ConvTranspose1d, ConvTranspose2d } from "./conv.ts";
export { type ConvKernel, setConvKernel } from "./conv-kernel.ts";
export { Dropout, Dropout2d } from "./dropout.ts";
export * from "./elementwise.ts";
export {
  type ConvolutionBeforeBatchNorm,
  convolutionsBeforeBatchNorm,
  foldBatchNorms,
} from "./fold-batch-norm.ts";
export * as init from "./init.ts";
export { LayerNorm } from "./layer-norm.ts";
export * from "./linear.ts";
export { type MaxPoolKernel, setMaxPoolKernel } from "./max-pool-kernel.ts";
export * from "./module.ts";
export { type ForwardHook, onForward } from "./on-forward.ts";
export * from "./pool.ts";
export * from "./rearrange.ts";
export { keepsIntermediates, runInTurn } from "./run-in-turn.ts";
export { type LoadOptions, type LoadResult, withoutWrapperPrefixes } from "./state-dict.ts";
