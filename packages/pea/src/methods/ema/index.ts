/**
 * Averaged weights; see README.md beside this file.
 *
 * @module
 */
export { EmaMethod, type EmaOptions } from "./ema-method.ts";
