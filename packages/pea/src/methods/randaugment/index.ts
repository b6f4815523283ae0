/**
 * Images that operations drawn at random have changed; see README.md beside this file.
 *
 * @module
 */
export { RandAugmentMethod } from "./randaugment-method.ts";
