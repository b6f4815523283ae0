/**
 * A smooth activation from the first step to the last, as PEA's upper limit.
 *
 * @module
 */
export { ActivationMethod } from "./activation-method.ts";
