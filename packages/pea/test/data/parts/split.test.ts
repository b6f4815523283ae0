import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PeaError } from "@pea/core";
import { tensor } from "@pea/torch";
import { splitDataset } from "../../../src/data/parts/cut-parts.ts";
import type { Dataset } from "../../../src/data/parts/dataset.ts";

const count = 200;
/** Sample i is the single pixel i; class 0 has three times as many samples as class 1. */
const dataset: Dataset = {
  images: tensor(
    Uint8Array.from({ length: count }, (_, i) => i),
    { shape: [count, 1, 1, 1] },
  ),
  labels: tensor(BigInt64Array.from({ length: count }, (_, i) => (i % 4 === 0 ? 1n : 0n))),
  classes: ["often", "rare"],
};
const pixels = ({ images }: Dataset) => Array.from(images.toTypedArray() as Uint8Array);

describe("splitting off a validation part", () => {
  const { train, validation } = splitDataset(dataset, { share: 0.1, seed: 5 });

  it("gives every sample to one of the parts, in order", () => {
    const all = [...pixels(train), ...pixels(validation)];
    assert.deepEqual(
      all.sort((a, b) => a - b),
      Array.from({ length: count }, (_, i) => i),
    );
    assert.deepEqual(
      pixels(validation),
      pixels(validation).toSorted((a, b) => a - b),
    );
  });
  it("takes the same share of each class", () => {
    const rare = pixels(validation).filter((i) => i % 4 === 0).length;
    assert.deepEqual([pixels(validation).length, rare], [20, 5]);
  });
  it("keeps labels with their images, and the classes", () => {
    assert.deepEqual(
      train.labels.toNestedArray(),
      pixels(train).map((i) => (i % 4 === 0 ? 1 : 0)),
    );
    assert.deepEqual(train.classes, dataset.classes);
  });
  it("is the same for the same seed and another for another", () => {
    assert.deepEqual(pixels(splitDataset(dataset, { share: 0.1, seed: 5 }).validation), pixels(validation));
    assert.notDeepEqual(
      pixels(splitDataset(dataset, { share: 0.1, seed: 6 }).validation),
      pixels(validation),
    );
  });
  for (const share of [0, 1, -1, 2, Number.NaN])
    it(`refuses a share of ${share}`, () => {
      assert.throws(
        () => splitDataset(dataset, { share, seed: 5 }),
        (error: Error) => error instanceof PeaError && error.message.includes(`of ${share} leaves none`),
      );
    });
});
