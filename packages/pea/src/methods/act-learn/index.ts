/**
 * A second layer behind convolutions, merged in the end; see README.md beside this file.
 *
 * @module
 */
export { ActLearnMethod } from "./act-learn-method.ts";
