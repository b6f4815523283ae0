/**
 * Images with a rectangle erased; see README.md beside this file.
 *
 * @module
 */
export { RandomErasingMethod } from "./random-erasing-method.ts";
