/**
 * Branches beside convolutions while they train; see README.md beside this file.
 *
 * @module
 */
export { ReparameterizeMethod } from "./reparameterize-method.ts";
