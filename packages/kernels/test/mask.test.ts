import assert from "node:assert/strict";
import { test } from "node:test";
import { ensembleAct, ensembleMask, loadKernels } from "@pea/kernels";
import { full, scope } from "@pea/torch";
import fc from "fast-check";

const million = 1_000_000;
const key = { seed: 1, site: 2, step: 3 };

/** The mask as zeros and ones. */
function mask(count: number, options: Parameters<typeof ensembleMask>[1], first = 0): Uint8Array {
  return scope(() => ensembleMask(count, options, first).toTypedArray() as Uint8Array);
}

/** The mask that the operator applied: ELU(-1) is not 0, ReLU(-1) is. */
function appliedMask(count: number, options: { alpha: number; seed: number; site: number; step: number }) {
  return scope(() => {
    const y = ensembleAct(full([count], -1), { ensemble: "stochastic", smooth: "elu", ...options });
    return Uint8Array.from(y.toTypedArray() as Float32Array, (value) => (value === 0 ? 1 : 0));
  });
}

const mean = (values: Uint8Array) => values.reduce((total, value) => total + value, 0) / values.length;

/** Standard scores of the correlation of two independent masks with probability alpha each. */
function correlationScore(a: Uint8Array, b: Uint8Array, alpha: number): number {
  const count = Math.min(a.length, b.length);
  let total = 0;
  for (let i = 0; i < count; i++) total += ((a[i] as number) - alpha) * ((b[i] as number) - alpha);
  return total / (alpha * (1 - alpha) * Math.sqrt(count));
}

/** Standard score of chi-square with many degrees of freedom. */
function chiSquareScore(observed: ArrayLike<number>, expected: number): number {
  let chiSquare = 0;
  for (let i = 0; i < observed.length; i++) chiSquare += ((observed[i] as number) - expected) ** 2 / expected;
  const freedom = observed.length - 1;
  return (chiSquare - freedom) / Math.sqrt(2 * freedom);
}

test("the share of ReLU is alpha within five standard deviations", () => {
  for (const alpha of [1e-5, 0.01, 0.3, 0.5, 0.9, 0.99999]) {
    const deviation = Math.sqrt((alpha * (1 - alpha)) / million);
    assert.ok(Math.abs(mean(mask(million, { alpha, ...key })) - alpha) < 5 * deviation, `alpha ${alpha}`);
  }
});

test("the resolution of alpha is finer than 24 bits", () => {
  const count = 1 << 22;
  // The masks of two alphas with one key are nested; the elements between them are few, and as many as they should be.
  const lower = mask(count, { alpha: 0.5, ...key });
  const upper = mask(count, { alpha: 0.5 + 2 ** -20, ...key });
  assert.ok(lower.every((value, i) => value <= (upper[i] as number)));
  const between = (mean(upper) - mean(lower)) * count;
  assert.ok(between >= 1 && between <= 16, `${between}, expected about 4`);
});

test("elements at any distance are independent", () => {
  const alpha = 0.3;
  const values = mask(million, { alpha, ...key });
  for (const lag of [1, 2, 3, 4, 7, 8, 16, 31, 32, 64, 112, 128, 512, 1024, 4096, 12544, 65536, 1 << 18]) {
    assert.ok(Math.abs(correlationScore(values, values.subarray(lag), alpha)) < 5, `lag ${lag}`);
  }
});

test("neighbouring seeds, sites and steps are independent at the same and at neighbouring elements", () => {
  const alpha = 0.4;
  const values = mask(million, { alpha, ...key });
  const neighbours = {
    seed: { ...key, seed: 2 },
    "negative seed": { ...key, seed: -1 },
    site: { ...key, site: 3 },
    step: { ...key, step: 4 },
    "step and site exchanged": { seed: 1, site: 3, step: 2 },
  };
  for (const [name, other] of Object.entries(neighbours)) {
    const others = mask(million, { alpha, ...other });
    for (const shift of [0, 1, 64]) {
      assert.ok(
        Math.abs(correlationScore(values, others.subarray(shift), alpha)) < 5,
        `${name}, shift ${shift}`,
      );
    }
  }
});

test("one element over many steps is independent too", () => {
  const alpha = 0.5;
  const steps = Uint8Array.from(
    { length: 20_000 },
    (_, step) => mask(1, { alpha, ...key, step }, 17)[0] as number,
  );
  assert.ok(Math.abs(mean(steps) - alpha) < 5 * Math.sqrt(0.25 / steps.length));
  for (const lag of [1, 2, 16]) {
    assert.ok(Math.abs(correlationScore(steps, steps.subarray(lag), alpha)) < 5, `lag ${lag}`);
  }
});

test("patterns of eight and of sixteen elements, adjacent and strided, are equally frequent", () => {
  const values = mask(1 << 22, { alpha: 0.5, ...key });
  for (const bits of [8, 16]) {
    for (const stride of [1, 64, 4096]) {
      const counts = new Uint32Array(1 << bits);
      const patterns = Math.floor(values.length / bits);
      for (let p = 0; p < patterns; p++) {
        // Pattern p of the transposed order: elements `stride` apart, every element used once at most.
        const start = Math.floor(p / stride) * stride * bits + (p % stride);
        if (start + (bits - 1) * stride >= values.length) continue;
        let pattern = 0;
        for (let bit = 0; bit < bits; bit++) pattern |= (values[start + bit * stride] as number) << bit;
        counts[pattern] = (counts[pattern] as number) + 1;
      }
      const used = counts.reduce((total, count) => total + count, 0);
      assert.ok(Math.abs(chiSquareScore(counts, used / counts.length)) < 5, `${bits} bits, stride ${stride}`);
    }
  }
});

test("runs of equal values have the expected number and lengths", () => {
  const values = mask(million, { alpha: 0.5, ...key });
  const lengths = new Float64Array(12);
  let length = 1;
  for (let i = 1; i <= values.length; i++) {
    if (values[i] === values[i - 1]) {
      length++;
      continue;
    }
    const index = Math.min(length, lengths.length) - 1;
    lengths[index] = (lengths[index] as number) + 1;
    length = 1;
  }
  const runs = lengths.reduce((total, count) => total + count, 0);
  assert.ok(Math.abs(runs - million / 2) < 5 * Math.sqrt(million / 4));
  lengths.forEach((count, index) => {
    const expected = runs * (index < lengths.length - 1 ? 2 ** -(index + 1) : 2 ** -index);
    assert.ok(Math.abs(count - expected) < 5 * Math.sqrt(expected), `runs of ${index + 1}`);
  });
});

test("golden masks, before and beyond element 2^32, equal those of the native generator", () => {
  const word = (first: number) =>
    mask(32, { alpha: 0.5, ...key }, first).reduce((bits, value, i) => (bits | (value << i)) >>> 0, 0);
  assert.equal(word(0), 0xb2fd22e4);
  assert.equal(word(2 ** 32 - 16), 0x40e4a1d0);
  assert.equal(word(5 * 2 ** 40), 0x33c48e38);
});

test("the fused operator applies exactly these masks", { skip: !loadKernels() && "no kernels" }, () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5000 }),
      fc.double({ min: 1e-9, max: 1 - 1e-9, noNaN: true }),
      fc.maxSafeInteger(),
      fc.maxSafeInteger(),
      fc.maxSafeInteger(),
      (count, alpha, seed, site, step) => {
        assert.deepEqual(
          appliedMask(count, { alpha, seed, site, step }),
          mask(count, { alpha, seed, site, step }),
        );
      },
    ),
    { numRuns: 50 },
  );
});

test("no elements, no mask", () => {
  assert.equal(mask(0, { alpha: 0.5 }).length, 0);
});
