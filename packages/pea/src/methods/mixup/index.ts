/**
 * Mixed images with two labels; see README.md beside this file.
 *
 * @module
 */
export { MixupMethod } from "./mixup-method.ts";
