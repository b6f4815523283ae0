export * from "./adam.ts";
export { clipGradNorm } from "./clip.ts";
export { Optimizer, type OptimizerKind, type ParameterGroup, type ResolvedGroup } from "./optimizer.ts";
export * from "./radam.ts";
export * from "./sgd.ts";
export { type SGDKernel, type SGDUpdate, setSGDKernel } from "./sgd-kernel.ts";
