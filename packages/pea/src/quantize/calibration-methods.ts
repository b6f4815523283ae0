/**
 * How a range is made of the numbers that were seen:
 * - `minmax`: the least to the greatest
 * - `percentile`: the 0.01th to the 99.99th percentile
 * - `mse`: the one with the least mean squared error of rounding, in the scheme's steps, and of what it cuts off
 */
export const calibrationMethods = ["minmax", "percentile", "mse"] as const;
export type CalibrationMethod = (typeof calibrationMethods)[number];
