import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  dividedByPower,
  multiplied,
  multipliedWide,
  multiplierOf,
} from "../src/quantized/interpreter/fixed-point.ts";

/** ⌊a · b / 2³¹ + ½⌋, then / 2^right with halves away from 0, in whole numbers of any length. */
function expected(value: number, significand: number, shift: number): number {
  const left = BigInt(Math.max(0, shift));
  const right = BigInt(Math.max(0, -shift));
  const product = BigInt(value) * (1n << left) * BigInt(significand);
  const high = (product + (1n << 30n)) >> 31n;
  if (right === 0n) return Number(high);
  const half = 1n << (right - 1n);
  const magnitude = ((high < 0n ? -high : high) + half) >> right;
  return Number(high < 0n ? -magnitude : magnitude);
}

const significands = fc.integer({ min: 2 ** 30, max: 2 ** 31 - 1 });

describe("multiplierOf", () => {
  test("is a significand of 31 bits and a shift", () => {
    assert.deepEqual(multiplierOf(1), { significand: 2 ** 30, shift: 1 });
    assert.deepEqual(multiplierOf(0.5), { significand: 2 ** 30, shift: 0 });
    assert.deepEqual(multiplierOf(0.75), { significand: 0.75 * 2 ** 31, shift: 0 });
    assert.deepEqual(multiplierOf(0), { significand: 0, shift: 0 });
  });

  test("next below a power of two rounds up to it", () => {
    assert.deepEqual(multiplierOf(1 - 2 ** -40), { significand: 2 ** 30, shift: 1 });
  });

  test("is 0 where all bits would be shifted out", () => {
    assert.deepEqual(multiplierOf(2 ** -32), { significand: 2 ** 30, shift: -31 });
    assert.deepEqual(multiplierOf(2 ** -33), { significand: 0, shift: 0 });
  });

  test("stands for the factor within half a unit of its significand", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 1e9, noNaN: true }), (factor) => {
        const { significand, shift } = multiplierOf(factor);
        assert.ok(Math.abs(significand * 2 ** (shift - 31) - factor) <= 2 ** (shift - 32));
        assert.ok(significand >= 2 ** 30 && significand < 2 ** 31);
      }),
    );
  });
});

test("multiplied rounds the upper half of the product up at halves, then the shifted one away from 0", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      significands,
      fc.integer({ min: -31, max: 0 }),
      (value, significand, shift) => {
        assert.equal(multiplied(value, significand, shift) + 0, expected(value, significand, shift));
      },
    ),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(
      fc.integer({ min: -(2 ** 20), max: 2 ** 20 }),
      significands,
      fc.integer({ min: 1, max: 10 }),
      (value, significand, shift) => {
        assert.equal(multiplied(value, significand, shift) + 0, expected(value, significand, shift));
      },
    ),
  );
});

test("dividedByPower rounds halves away from 0", () => {
  const quotients = [-6, -5, -3, -2, -1, 1, 2, 3, 5, 6].map((value) => dividedByPower(value, 2) + 0);
  assert.deepEqual(quotients, [-2, -1, -1, -1, 0, 0, 1, 1, 1, 2]);
  assert.equal(dividedByPower(7, 0), 7);
});

test("multipliedWide takes the significand's upper 15 bits and rounds halves up, of sums of 48 bits", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.integer({ min: -(2 ** 30), max: 2 ** 30 }),
        fc.maxSafeInteger().map((value) => Math.trunc(value / 64)),
      ),
      significands,
      fc.integer({ min: -31, max: 7 }),
      (sum, significand, shift) => {
        const reduced = significand < 0x7fff0000 ? (BigInt(significand) + 0x8000n) >> 16n : 0x7fffn;
        const places = BigInt(15 - shift);
        const exact = (BigInt(sum) * reduced + (1n << (places - 1n))) >> places;
        assert.equal(multipliedWide(sum, significand, shift), Number(exact));
      },
    ),
    { numRuns: 2000 },
  );
});
