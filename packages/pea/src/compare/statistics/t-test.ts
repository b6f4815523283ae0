/**
 * The two t-tests of the evidence, as in the specification (recipes 7.4).
 *
 * @module
 */
import { sample } from "./sample.ts";
import { twoSidedP, twoSidedQuantile } from "./student-t.ts";

/** Level of the tests: the chance of finding a difference where there is none. The intervals hold with 1 − LEVEL. */
export const LEVEL = 0.05;

/** A two-sided test of "the means are equal". */
export interface TTest {
  /** Mean of the values minus mean of the baseline. */
  difference: number;
  /** Of the difference. */
  standardError: number;
  t: number;
  /** Degrees of freedom, not whole for Welch's test. */
  degrees: number;
  p: number;
  /** 95 % confidence interval of the difference. */
  interval: readonly [lower: number, upper: number];
}

/**
 * Paired t-test of values[i] against baselines[i]: d = values − baselines, t = mean(d)/(s_d/√n), ν = n − 1.
 *
 * @returns null for one pair, and where all differences are the same: without spread there is nothing to test against
 */
export function pairedTest(values: readonly number[], baselines: readonly number[]): TTest | null {
  const differences = sample(values.map((value, i) => value - (baselines[i] as number)));
  if (differences.deviation === null) return null;
  const standardError = differences.deviation / Math.sqrt(differences.count);
  return tTest(differences.mean, standardError, differences.count - 1, values);
}

/**
 * Welch's t-test of two independent samples whose variances may differ: t = (m₁ − m₂)/√(v₁ + v₂) with v = s²/n, and
 * ν = (v₁ + v₂)² / (v₁²/(n₁ − 1) + v₂²/(n₂ − 1)).
 *
 * @returns null where a side has one value, and where neither varies
 */
export function welchTest(values: readonly number[], baselines: readonly number[]): TTest | null {
  const [a, b] = [sample(values), sample(baselines)];
  if (a.deviation === null || b.deviation === null) return null;
  const [va, vb] = [a.deviation ** 2 / a.count, b.deviation ** 2 / b.count];
  const degrees = (va + vb) ** 2 / (va ** 2 / (a.count - 1) + vb ** 2 / (b.count - 1));
  return tTest(a.mean - b.mean, Math.sqrt(va + vb), degrees, values);
}

function tTest(
  difference: number,
  standardError: number,
  degrees: number,
  values: readonly number[],
): TTest | null {
  // Scores that differ by the same number of images do so up to float64's rounding.
  if (standardError <= 1e-12 * Math.max(...values.map(Math.abs))) return null;
  const t = difference / standardError;
  const margin = twoSidedQuantile(1 - LEVEL, degrees) * standardError;
  return {
    difference,
    standardError,
    t,
    degrees,
    p: twoSidedP(t, degrees),
    interval: [difference - margin, difference + margin],
  };
}
