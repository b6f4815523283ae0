/**
 * Training methods.
 *
 * @module
 */
export * from "./act-learn/index.ts";
export { ActivationMethod } from "./activation/index.ts";
export { replaceActivation } from "./activation-modules.ts";
export * from "./cutmix/index.ts";
export { type MethodDescriptor, type Stage, stages } from "./descriptor.ts";
export * from "./distillation/index.ts";
export { type Draws, drawsOf, drawsOfImage } from "./draws.ts";
export * from "./ema/index.ts";
export * from "./expand/index.ts";
export * from "./lambda-gelu/index.ts";
export * from "./lookahead/index.ts";
export type {
  FitContext,
  LossPass,
  Method,
  MethodState,
  Obstacle,
  OtherNetwork,
  Phase,
  StepSpan,
  TrainingBatch,
  TrainingStart,
} from "./method.ts";
export { type EvaluationView, Methods, type NamedMethod } from "./methods.ts";
export * from "./mixup/index.ts";
export * from "./pea/index.ts";
export * from "./quantize/index.ts";
export * from "./randaugment/index.ts";
export * from "./random-erasing/index.ts";
export { methodNames, registerMethod } from "./registry.ts";
export * from "./reparameterize/index.ts";
export * from "./stochastic-depth/index.ts";
export * from "./sugar/index.ts";
export * from "./swa/index.ts";
export * from "./swap/index.ts";
