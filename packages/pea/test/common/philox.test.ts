import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { bounded, permutation, philox, randomWords } from "../../src/common/philox.ts";

const hex = (words: readonly number[]) => words.map((word) => word.toString(16).padStart(8, "0")).join(" ");

describe("Philox4x32-10 gives the known answers of its authors", () => {
  const ones = 0xffffffff;
  it("for zeros", () =>
    assert.equal(hex(philox([0, 0, 0, 0], [0, 0])), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"));
  it("for ones", () =>
    assert.equal(hex(philox([ones, ones, ones, ones], [ones, ones])), "408f276d 41c83b0e a20bc7c6 6d5451fd"));
  it("for the digits of π", () =>
    assert.equal(
      hex(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])),
      "d16cfe09 94fdcceb 5001e420 24126ea1",
    ));
});

describe("random words", () => {
  it("differ when the seed, its high half, the purpose, the epoch or the index does", () => {
    const words = [
      randomWords(1, "shuffle", 0, 0),
      randomWords(1 + 2 ** 32, "shuffle", 0, 0),
      randomWords(2, "shuffle", 0, 0),
      randomWords(1, "augmentation", 0, 0),
      randomWords(1, "shuffle", 1, 0),
      randomWords(1, "shuffle", 0, 1),
    ];
    assert.equal(new Set(words.map(hex)).size, words.length);
  });

  it("are bounded evenly, from 0 to the bound without it", () => {
    assert.equal(bounded(0, 5), 0);
    assert.equal(bounded(0xffffffff, 5), 4);
    assert.equal(bounded(0xffffffff, 2 ** 31), 2 ** 31 - 1);
    const counts = new Array(5).fill(0);
    for (let i = 0; i < 10_000; i++) counts[bounded(randomWords(3, "augmentation", 0, i)[0], 5)]++;
    // Five standard deviations of a binomial of 10,000 and 1/5.
    for (const count of counts) assert.ok(Math.abs(count - 2000) < 200, `${counts}`);
  });
});

describe("a permutation", () => {
  it("holds every index once and is the same for the same key", () => {
    fc.assert(
      fc.property(fc.nat({ max: 200 }), fc.nat(), fc.nat({ max: 1000 }), (length, seed, epoch) => {
        const order = permutation(length, seed, "shuffle", epoch);
        assert.deepEqual(
          order.toSorted(),
          Int32Array.from({ length }, (_, i) => i),
        );
        assert.deepEqual(permutation(length, seed, "shuffle", epoch), order);
      }),
    );
  });

  it("is every order of four with the same probability", () => {
    const counts = new Map<string, number>();
    for (let epoch = 0; epoch < 12_000; epoch++) {
      const order = permutation(4, 7, "shuffle", epoch).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    assert.equal(counts.size, 24);
    for (const [order, count] of counts) assert.ok(Math.abs(count - 500) < 110, `${order}: ${count}`);
  });
});
