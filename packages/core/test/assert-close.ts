import assert from "node:assert/strict";

/** Asserts |actual − expected| ≤ tolerance. */
export function assertAbsolute(actual: number, expected: number, tolerance: number): void {
  const error = Math.abs(actual - expected);
  assert.ok(error <= tolerance, `${actual} is off ${expected} by ${error}`);
}

/** Asserts |actual − expected| ≤ tolerance·|expected|. */
export function assertRelative(actual: number, expected: number, tolerance: number): void {
  assertAbsolute(actual, expected, tolerance * Math.abs(expected));
}
