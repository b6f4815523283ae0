/**
 * GELU that hardens into ReLU; see README.md beside this file.
 *
 * @module
 */
export { LambdaGeluMethod } from "./lambda-gelu-method.ts";
