/**
 * Activations as modules, and those of the user's own.
 *
 * @module
 */
export { type ActivationClass, createActivation, smoothNameOf } from "./activation-modules.ts";
export type { PassingActivation } from "./passing-activation.ts";
export { type ActivationTitles, registerActivation } from "./register-activation.ts";
