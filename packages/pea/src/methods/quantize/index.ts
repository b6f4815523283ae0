/**
 * Training with rounded weights and activations; see README.md beside this file.
 *
 * @module
 */
export { QuantizeMethod, type QuantizeSettings } from "./quantize-method.ts";
