/**
 * Statistics of scores over seeds: samples, t-tests, Holm's correction, and what the runs at hand can show.
 *
 * @module
 */
export { holm } from "./holm.ts";
export { POWER, power, smallestDifference } from "./power.ts";
export { correlation, type Sample, sample, standardError } from "./sample.ts";
export { twoSidedP, twoSidedQuantile } from "./student-t.ts";
export { LEVEL, pairedTest, type TTest, welchTest } from "./t-test.ts";
