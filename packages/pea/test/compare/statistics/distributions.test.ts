import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { power, twoSidedP, twoSidedQuantile } from "../../../src/compare/statistics/index.ts";

type Pairs = [number, number][];

const degrees = [1, 1.3, 2, 4, 7.82567, 38];
const grid = (values: number[]): Pairs =>
  values.flatMap((value) => degrees.map((of): [number, number] => [value, of]));
const cases = {
  p: [...grid([0, 1e-3, 0.5, 2, 3.827795]), [22.673872, 7.82567], [48.739278, 4], [1000, 2]] as Pairs,
  quantile: grid([0.8, 0.95, 1 - 0.05 / 16]),
  power: [
    [0, 4],
    [0.3, 2],
    [1, 1],
    [2.8, 8],
    [3.7, 4],
    [16.3, 1],
    [10, 2.5],
    [3, 100],
  ] as Pairs,
};

function assertClose(actual: number, expected: number, tolerance: number, what: string) {
  assert.ok(
    Math.abs(actual - expected) <= tolerance * Math.abs(expected),
    `${what}: ${actual}, not ${expected}`,
  );
}

describe("against integrals of the densities in 25 digits", () => {
  let expected: Record<keyof typeof cases, number[]>;
  before(() => {
    const script = fileURLToPath(new URL("../../oracle/distributions.py", import.meta.url));
    expected = JSON.parse(execFileSync("/usr/bin/python3", [script, JSON.stringify(cases)]).toString());
  });

  for (const [name, compute, tolerance] of [
    ["p", twoSidedP, 1e-11],
    ["quantile", twoSidedQuantile, 1e-12],
    ["power", power, 1e-10],
  ] as const)
    test(name, () => {
      for (const [i, [value, of]] of cases[name].entries())
        assertClose(compute(value, of), expected[name][i] as number, tolerance, `${name}(${value}, ${of})`);
    });
});

test("the critical values of the specification", () => {
  for (const [of, value] of [
    [2, 4.302653],
    [4, 2.776445],
    [8, 2.306004],
    [9, 2.262157],
    [18, 2.100922],
    [19, 2.093024],
    [38, 2.024394],
  ] as const)
    assert.equal(twoSidedQuantile(0.95, of).toFixed(6), String(value));
});
