/**
 * Learning from a teacher's answers; see README.md beside this file.
 *
 * @module
 */
export { DistillationMethod } from "./distillation-method.ts";
