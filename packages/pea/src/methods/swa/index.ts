/**
 * The mean of the weights of the last epochs; see README.md beside this file.
 *
 * @module
 */
export { SwaMethod } from "./swa-method.ts";
