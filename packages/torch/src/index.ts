/**
 * libtorch for TypeScript: tensors, autograd, nn, optim, safetensors, distributed.
 *
 * @module @pea/torch
 */

export { writeFileAtomically } from "./atomic-file.ts";
export {
  type BackwardOptions,
  backward,
  detach,
  enableGrad,
  grad,
  isGradEnabled,
  noGrad,
} from "./autograd.ts";
export { type Call, call, isRecording, type Result, recordCalls, schema, type Value } from "./call.ts";
export {
  arange,
  type CreateOptions,
  empty,
  full,
  ones,
  rand,
  randn,
  randperm,
  tensor,
  zeros,
} from "./create.ts";
export * from "./distributed/index.ts";
export type { DType, MemoryFormat } from "./dtype.ts";
export {
  autocast,
  cudaIsAvailable,
  type EngineInfo,
  engineInfo,
  getNumThreads,
  loadLibrary,
  setNumThreads,
} from "./engine.ts";
export { TorchError } from "./error.ts";
export * from "./nn/index.ts";
export * from "./ops/index.ts";
export * from "./optim/index.ts";
export { hasEnded, thisMachine } from "./processes.ts";
export { getRngState, manualSeed, setRngState } from "./random.ts";
export { readSafetensors, type SafetensorsFile, writeSafetensors } from "./safetensors.ts";
export { emptyCache, keep, type MemoryStats, memoryStats, scope } from "./scope.ts";
export { type Deferral, deferralOf, deferred, Tensor } from "./tensor.ts";
export type { NestedArray, TypedArray } from "./typed-array.ts";
