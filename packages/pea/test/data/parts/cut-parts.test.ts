import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type CutSettings, cutParts } from "../../../src/data/parts/cut-parts.ts";
import { splitByPosition } from "../../../src/data/parts/split.ts";
import { numberOf } from "../../../src/data/parts/split-by-name.ts";
import type { SampleSource } from "../../../src/data/sources/sample-source.ts";

/** Images by name; the class stands before the slash. */
function source(names: readonly string[]): SampleSource {
  const classOf = (name: string) => name.slice(0, name.indexOf("/"));
  const classes = [...new Set(names.map(classOf))].sort();
  return {
    labels: Int32Array.from(names, (name) => classes.indexOf(classOf(name))),
    classes,
    locate: (index) => ({ name: names[index] as string, path: names[index] as string }),
    nameOf: (index) => names[index] as string,
  };
}

const numbered = (count: number, ...classes: string[]) =>
  classes.flatMap((name) => Array.from({ length: count }, (_, i) => `${name}/${i}`));

const namesOf = (part: SampleSource | null) =>
  part === null ? null : Array.from(part.labels, (_, index) => part.nameOf(index));

const settings: CutSettings = {
  splitBy: "name",
  valFraction: 0.2,
  validateOn: "split",
  limitTrain: 1,
  seed: 7,
};

/** Where each image of class folders goes. */
function partsOf(names: readonly string[], changed: Partial<CutSettings> = {}): Map<string, string> {
  const found = { train: source(names), validation: null, test: null };
  const parts = cutParts(found, { ...settings, ...changed });
  return new Map(
    (["train", "validation", "test", "unused"] as const).flatMap((part) =>
      (namesOf(parts[part]) ?? []).map((name) => [name, part] as const),
    ),
  );
}

describe("class folders are cut by name", () => {
  it("into parts that hold every image once, each in the order of the data", () => {
    const names = numbered(60, "cat", "dog");
    const parts = cutParts({ train: source(names), validation: null, test: null }, settings);
    const cut = [parts.train, parts.validation, parts.test].map((part) => namesOf(part) ?? []);
    for (const part of cut)
      assert.deepEqual(
        part,
        names.filter((name) => part.includes(name)),
      );
    assert.deepEqual(cut.flat().sort(), names.toSorted());
    assert.equal(parts.unused, null);
  });

  it("into test images whose numbers are below a tenth, the same for all seeds", () => {
    const names = numbered(60, "cat", "dog");
    const below = names.filter((name) => numberOf(name, { purpose: "test", seed: 0 }) < 0.1);
    for (const seed of [0, 7]) {
      const parts = partsOf(names, { seed });
      assert.deepEqual(
        names.filter((name) => parts.get(name) === "test"),
        below,
      );
    }
  });

  it("so that no image moves when others come or go, whatever the seed, the shares and the limit", () => {
    const seeds = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    const removed = fc.uniqueArray(fc.nat(239), { maxLength: 40 });
    const added = fc.uniqueArray(fc.tuple(fc.constantFrom("ant", "cat", "owl"), fc.string()), {
      maxLength: 40,
    });
    const shares = fc.record({
      valFraction: fc.double({ min: 0.1, max: 0.5, noNaN: true }),
      limitTrain: fc.constantFrom(1, 0.5),
    });
    const names = numbered(120, "cat", "dog");
    fc.assert(
      fc.property(seeds, removed, added, shares, (seed, gone, others, some) => {
        const left = names.filter((_, index) => !gone.includes(index));
        const more = others.map(([name, rest]) => `${name}/new ${rest}`).sort();
        const [before, after] = [
          partsOf(names, { seed, ...some }),
          partsOf([...more, ...left], { seed, ...some }),
        ];
        for (const name of left) assert.equal(after.get(name), before.get(name), name);
      }),
      { numRuns: 50 },
    );
  });

  it("so that a class of three has one image in each part, and one of two none for validation", () => {
    const parts = partsOf([...numbered(3, "cat"), ...numbered(2, "dog"), ...numbered(1, "owl")]);
    const inClass = (name: string) =>
      [...parts]
        .filter(([image]) => image.startsWith(name))
        .map(([, part]) => part)
        .sort();
    assert.deepEqual(inClass("cat"), ["test", "train", "validation"]);
    assert.deepEqual(inClass("dog"), ["test", "train"]);
    assert.deepEqual(inClass("owl"), ["train"]);
  });

  it("but for images of which it is known where they were", () => {
    const names = numbered(3, "cat", "dog");
    const known = new Map([
      ["cat/0", "train"],
      ["cat/1", "train"],
      ["cat/2", "test"],
      ["dog/0", "validation"],
      ["dog/1", "test"],
    ] as const);
    const found = { train: source(names), validation: null, test: null };
    const parts = cutParts(found, settings, (index) => known.get(names[index] as never));
    assert.deepEqual(namesOf(parts.train), ["cat/0", "cat/1", "dog/2"]);
    assert.deepEqual(namesOf(parts.validation), ["dog/0"]);
    assert.deepEqual(namesOf(parts.test), ["cat/2", "dog/1"]);
  });

  it("but not where a class has too few for a test part", () => {
    assert.throws(() => partsOf(["cat/1", "dog/1"]), {
      kind: "usage",
      message: /no test part, and 2 training images are too few to split one off; give each class at least 3/,
    });
    assert.throws(() => partsOf(["cat/1", "cat/2", "dog/1"]), {
      kind: "usage",
      message:
        /a validation share \(valFraction\) of 0\.2 leaves none of 2 training images for one of the two parts/,
    });
  });
});

describe("parts that are there", () => {
  const train = source(numbered(40, "cat", "dog"));
  const test = source(numbered(5, "cat", "dog"));
  const validation = source(numbered(4, "cat", "dog"));

  it("are kept", () => {
    const parts = cutParts({ train, validation, test }, settings);
    assert.deepEqual([parts.train, parts.validation, parts.test], [train, validation, test]);
  });
  it("may be the test part for both, with nothing split off", () => {
    const parts = cutParts(
      { train, validation: null, test },
      { ...settings, valFraction: 0, validateOn: "test" },
    );
    assert.deepEqual([parts.train, parts.validation, parts.test], [train, test, test]);
  });
  it("are cut by position as they always were, where that is asked for", () => {
    const parts = cutParts(
      { train, validation: null, test },
      { ...settings, splitBy: "position", limitTrain: 30 },
    );
    const { kept, drawn } = splitByPosition(train.labels, { share: 0.2, seed: 7 });
    assert.deepEqual(namesOf(parts.validation), Array.from(drawn, train.nameOf));
    const rest = Array.from(kept, train.nameOf);
    const limit = splitByPosition(source(rest).labels, { share: 30 / 64, seed: 7 });
    assert.deepEqual(
      namesOf(parts.train),
      Array.from(limit.drawn, (index) => rest[index]),
    );
    assert.deepEqual(
      namesOf(parts.unused),
      Array.from(limit.kept, (index) => rest[index]),
    );
  });
});
