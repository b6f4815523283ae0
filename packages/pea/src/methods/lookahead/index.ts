/**
 * Slow weights that follow the trained ones; see README.md beside this file.
 *
 * @module
 */
export { LookaheadMethod } from "./lookahead-method.ts";
