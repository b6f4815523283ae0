/**
 * Convolutions that train as a product of three; see README.md beside this file.
 *
 * @module
 */
export { ExpandMethod } from "./expand-method.ts";
