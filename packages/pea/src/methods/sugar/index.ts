/**
 * ReLU forward, a smooth slope backward; see README.md beside this file.
 *
 * @module
 */
export { SugarMethod } from "./sugar-method.ts";
