/**
 * Training methods.
 *
 * @module
 */
export { replaceActivation } from "./activation-modules.ts";
export { createMethod, type MethodSettings } from "./create-method.ts";
export type { EvaluationView, FitContext, Method, MethodState, Phase, StepSpan } from "./method.ts";
export * from "./pea/index.ts";
export { PlainMethod } from "./plain/plain-method.ts";
export * from "./swap/index.ts";
