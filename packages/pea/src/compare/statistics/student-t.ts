/**
 * Student's t distribution for real degrees of freedom ν, by the incomplete beta function I:
 * P(|T| ≥ t) = I_x(ν/2, ½) with x = ν/(ν + t²).
 *
 * @module
 */
import { incbet, incbi } from "./cephes.ts";

/** Probability that |T| reaches |t|: the two-sided p-value. */
export function twoSidedP(t: number, degrees: number): number {
  return incbet(degrees / 2, 0.5, degrees / (degrees + t * t));
}

/** The value that |T| stays below with the probability `confidence`, above 0 and below 1. */
export function twoSidedQuantile(confidence: number, degrees: number): number {
  const x = incbi(degrees / 2, 0.5, 1 - confidence);
  return Math.sqrt((degrees * (1 - x)) / x);
}
