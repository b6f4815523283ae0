import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  type DrawOptions,
  keepByName,
  numberOf,
  splitByName,
} from "../../../src/data/parts/split-by-name.ts";

/** Samples by name; the class stands before the slash. */
function samples(names: readonly string[]) {
  const classes = [...new Set(names.map(classOf))];
  return {
    labels: Int32Array.from(names, (name) => classes.indexOf(classOf(name))),
    nameOf: (index: number) => names[index] as string,
  };
}
const classOf = (name: string) => name.slice(0, name.indexOf("/"));

const validation: DrawOptions = { share: 0.25, purpose: "validation", seed: 3 };

/** Names of the samples drawn. */
const drawnOf = (names: readonly string[], options: DrawOptions): Set<string> =>
  new Set(Array.from(splitByName(samples(names), options).drawn, (index) => names[index] as string));

const numbered = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}/${i}`);

const seeds = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
/** Names of two or three classes, some of which are enough for every class to have its share by its numbers alone. */
const files = fc.uniqueArray(fc.tuple(fc.constantFrom("cat", "dog", "owl"), fc.string({ minLength: 1 })), {
  minLength: 4,
  maxLength: 80,
  selector: (parts) => parts.join("/"),
});

describe("the number of a name", () => {
  it("is the first 48 bits of SHA-256, by which anybody finds the parts again", () => {
    // Python: int.from_bytes(hashlib.sha256(b"validation\0" b"0\0cat/7").digest()[:6], "big") / 2**48
    assert.equal(numberOf("cat/7", { purpose: "validation", seed: 0 }), 0.6355295288427456);
  });
});

describe("samples drawn by name", () => {
  it("are those whose numbers are below the share, where the classes are large", () => {
    const names = [...numbered("cat", 400), ...numbered("dog", 100)];
    const below = names.filter((name) => numberOf(name, validation) < 0.25);
    assert.deepEqual([...drawnOf(names, validation)], below);
  });

  it("are the share of each class, on average", () => {
    const drawn = [...drawnOf([...numbered("cat", 4000), ...numbered("dog", 1000)], validation)];
    const dogs = drawn.filter((name) => name.startsWith("dog")).length;
    // Four standard deviations of a binomial distribution.
    assert.ok(Math.abs(drawn.length - dogs - 1000) < 4 * Math.sqrt(4000 * 0.25 * 0.75));
    assert.ok(Math.abs(dogs - 250) < 4 * Math.sqrt(1000 * 0.25 * 0.75));
  });

  it("stay what they are when others are added or removed, in whatever order they come, for any seed", () => {
    const arbitraryShare = fc.double({ min: 0.05, max: 0.95, noNaN: true });
    fc.assert(
      fc.property(files, files, seeds, arbitraryShare, (some, others, seed, share) => {
        const options: DrawOptions = { share, purpose: "test", seed };
        const isBelow = (name: string) => numberOf(name, options) < share;
        const before = some.map((parts) => parts.join("/"));
        const after = [...new Set([...others.map((parts) => parts.join("/")), ...before])];
        const [drawnBefore, drawnAfter] = [drawnOf(before, options), drawnOf(after, options)];
        for (const name of before) {
          // Of a class with numbers on both sides of the share no sample stands in for another.
          const mates = before.filter((other) => classOf(other) === classOf(name)).map(isBelow);
          if (mates.includes(true) && mates.includes(false))
            assert.equal(drawnAfter.has(name), drawnBefore.has(name), name);
        }
      }),
    );
  });

  it("are independent of those drawn for another purpose or with another seed", () => {
    const names = numbered("cat", 4000);
    const first = drawnOf(names, validation);
    for (const other of [
      { ...validation, seed: 4 },
      { ...validation, purpose: "test" as const },
    ]) {
      const both = [...drawnOf(names, other)].filter((name) => first.has(name)).length;
      // A quarter of a quarter.
      assert.ok(Math.abs(both - 250) < 4 * Math.sqrt(4000 * (1 / 16) * (15 / 16)), `${both}`);
    }
  });

  it("are some of each class, but not all, wherever it has two samples", () => {
    fc.assert(
      fc.property(files, seeds, fc.constantFrom(0.001, 0.1, 0.9, 0.999), (some, seed, share) => {
        const names = some.map((parts) => parts.join("/"));
        const groups = ["cat", "dog", "owl"].map((one) => names.filter((name) => classOf(name) === one));
        if (!groups.some(({ length }) => length > 1)) return;
        const drawn = drawnOf(names, { share, purpose: "validation", seed });
        for (const group of groups) {
          const count = group.filter((name) => drawn.has(name)).length;
          if (group.length < 2) assert.equal(count, 0);
          else assert.ok(count > 0 && count < group.length, `${count} of ${group}`);
        }
      }),
    );
  });

  it("are those that are known to be, and none that is known not to be stands in for them", () => {
    const names = numbered("cat", 5);
    const options: DrawOptions = { share: 0.5, purpose: "validation", seed: 0 };
    const opposite = (index: number) => numberOf(names[index] as string, options) >= 0.5;
    assert.deepEqual(
      [...drawnOf(names, { ...options, known: opposite })],
      names.filter((_, index) => opposite(index)),
    );
    // All but one are known to be kept: the draw falls on that one.
    const known = (index: number) => (index === 3 ? undefined : false);
    assert.deepEqual([...drawnOf(names, { ...options, share: 1e-9, known })], ["cat/3"]);
  });
});

describe("samples kept by name", () => {
  const keptOf = (names: readonly string[], limit = 20) =>
    Array.from(
      keepByName(samples(names), { limit, purpose: "limit", seed: 1 }).kept,
      (index) => names[index] as string,
    );

  it("are as many as asked for, in the order of the data", () => {
    const names = numbered("cat", 50);
    const kept = keptOf(names);
    assert.equal(kept.length, 20);
    assert.deepEqual(
      kept,
      names.filter((name) => kept.includes(name)),
    );
  });
  it("are others in at most one place when one is added, where they are to be so many", () => {
    const before = keptOf(numbered("cat", 50));
    for (const other of numbered("new", 9).map((name) => name.replace("new/", "cat/new")))
      assert.ok(keptOf([...numbered("cat", 50), other]).filter((name) => !before.includes(name)).length <= 1);
  });
  it("stay what they are when others are added, where they are to be a share", () => {
    const names = numbered("cat", 400);
    const before = new Set(keptOf(names, 0.3));
    assert.ok(Math.abs(before.size - 120) < 4 * Math.sqrt(400 * 0.3 * 0.7));
    const after = new Set(keptOf([...numbered("cat", 800), ...numbered("dog", 9)], 0.3));
    for (const name of names) assert.equal(after.has(name), before.has(name));
  });
  it("are among those kept with a greater share", () => {
    const names = numbered("cat", 400);
    const more = keptOf(names, 0.5);
    for (const name of keptOf(names, 0.3)) assert.ok(more.includes(name));
  });
  it("are at least one of each class", () => {
    const names = [...numbered("cat", 500), "dog/1", "owl/1"];
    for (const limit of [20, 0.04]) {
      const classes = new Set(keptOf(names, limit).map(classOf));
      assert.deepEqual([...classes], ["cat", "dog", "owl"]);
    }
  });
  it("are no more than asked for where small classes have to give one, unless there are more classes", () => {
    const names = [...numbered("cat", 500), ...Array.from({ length: 15 }, (_, i) => `rare${i}/1`)];
    const kept = keptOf(names);
    const cats = kept.filter((name) => classOf(name) === "cat");
    assert.deepEqual([kept.length, cats.length], [20, 5]);
    assert.deepEqual(cats, keptOf(numbered("cat", 500), 5));
    assert.equal(keptOf(names, 2).length, 16);
  });
});
