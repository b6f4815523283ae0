/**
 * Images with a rectangle of another, and both labels; see README.md beside this file.
 *
 * @module
 */
export { CutMixMethod } from "./cutmix-method.ts";
