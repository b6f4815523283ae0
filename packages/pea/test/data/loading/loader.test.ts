import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryStats, tensor } from "@pea/torch";
import { type Batch, Loader } from "../../../src/data/loading/loader.ts";
import type { Dataset } from "../../../src/data/parts/dataset.ts";

/** Sample i is a 2×2 image of the value i, its label i mod 3. */
const count = 10;
const dataset: Dataset = {
  images: tensor(
    Uint8Array.from({ length: 4 * count }, (_, i) => Math.floor(i / 4)),
    { shape: [count, 1, 2, 2] },
  ),
  labels: tensor(BigInt64Array.from({ length: count }, (_, i) => BigInt(i % 3))),
  classes: ["a", "b", "c"],
};
/** Leaves pixels as they are, so that a pixel is the index of its sample. */
const statistics = { mean: [0], std: [1 / 255] };
const training = { seed: 1, flip: true, padding: 0 };
const evaluating = new Loader(dataset, { batchSize: 4, statistics });
const trainer = new Loader(dataset, { batchSize: 4, statistics, training });

function samplesOf({ images }: Batch): number[] {
  return Array.from(images.toTypedArray() as Float32Array).filter((_, i) => i % 4 === 0);
}

function epoch(loader: Loader, number = 0, fromStep = 0): number[][] {
  return Array.from(loader.batches(number, fromStep), samplesOf);
}

describe("loading for evaluation", () => {
  it("gives every sample in order, the rest as a smaller batch", () => {
    assert.deepEqual(epoch(evaluating), [
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    assert.deepEqual([evaluating.stepsPerEpoch, evaluating.samplesPerEpoch], [3, 10]);
  });
  it("gives the labels of the images", () => {
    const labels = Array.from(evaluating.batches(), (batch) => batch.labels.toNestedArray());
    assert.deepEqual(labels, [
      [0, 1, 2, 0],
      [1, 2, 0, 1],
      [2, 0],
    ]);
  });
  it("takes a batch size beyond the data set", () => {
    assert.equal(epoch(new Loader(dataset, { batchSize: 100, statistics }))[0]?.length, count);
  });
});

describe("loading for training", () => {
  it("gives whole batches of different samples", () => {
    const batches = epoch(trainer);
    assert.deepEqual(
      batches.map((samples) => samples.length),
      [4, 4],
    );
    assert.equal(new Set(batches.flat()).size, 8);
    assert.deepEqual([trainer.stepsPerEpoch, trainer.samplesPerEpoch], [2, 8]);
  });
  it("keeps labels with their images", () => {
    for (const batch of trainer.batches(3)) {
      assert.deepEqual(
        batch.labels.toNestedArray(),
        samplesOf(batch).map((i) => i % 3),
      );
    }
  });
  it("repeats an epoch exactly, and orders each epoch anew", () => {
    assert.deepEqual(epoch(trainer, 4), epoch(trainer, 4));
    const orders = Array.from({ length: 20 }, (_, number) => epoch(trainer, number).join());
    assert.equal(new Set(orders).size, 20);
    const seen = new Set(Array.from({ length: 20 }, (_, number) => epoch(trainer, number)).flat(2));
    assert.equal(seen.size, count);
  });
  it("keeps to as many batches as it is told: the first samples come once more where they are fewer", () => {
    const told = (stepsPerEpoch: number) =>
      new Loader(dataset, { batchSize: 4, statistics, training: { ...training, stepsPerEpoch } });
    const more = epoch(told(3), 5);
    assert.deepEqual(
      more.map(({ length }) => length),
      [4, 4, 4],
    );
    assert.deepEqual(
      more
        .flat()
        .slice(0, 10)
        .toSorted((a, b) => a - b),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
    assert.deepEqual(more.flat().slice(10), more.flat().slice(0, 2));
    assert.deepEqual(epoch(told(1), 5), more.slice(0, 1));
    assert.deepEqual([told(3).stepsPerEpoch, told(3).samplesPerEpoch], [3, 12]);
  });
  it("orders by the seed", () => {
    const other = new Loader(dataset, { batchSize: 4, statistics, training: { ...training, seed: 2 } });
    assert.notDeepEqual(epoch(other), epoch(trainer));
  });
  it("goes on in the middle of an epoch with the same batches, augmentation included", () => {
    const images = tensor(
      Uint8Array.from({ length: 36 * count }, (_, i) => i % 251),
      { shape: [count, 1, 6, 6] },
    );
    const loader = new Loader(
      { ...dataset, images },
      { batchSize: 3, statistics, training: { seed: 9, flip: true, padding: 2 } },
    );
    const pixels = (fromStep: number) =>
      Array.from(loader.batches(7, fromStep), ({ images }) => images.toNestedArray());
    assert.deepEqual(pixels(2), pixels(0).slice(2));
    assert.deepEqual(pixels(3), []);
  });
});

describe("every batch", () => {
  it("is float32 in channels_last with int64 labels", () => {
    for (const { images, labels } of trainer.batches()) {
      assert.deepEqual([images.dtype, images.shape, images.strides], ["float32", [4, 1, 2, 2], [4, 1, 2, 1]]);
      assert.equal(labels.dtype, "int64");
    }
  });
  it("lives until the next one, also when the loop is left early", () => {
    const before = memoryStats().tensors;
    let last: Batch | undefined;
    for (const batch of trainer.batches()) {
      assert.ok(last === undefined || last.images.disposed);
      assert.equal(memoryStats().tensors, before + 2);
      last = batch;
    }
    for (const _ of trainer.batches()) break;
    assert.equal(memoryStats().tensors, before);
  });
});

describe("a loader refuses", () => {
  for (const batchSize of [0, -1, 1.5, Number.NaN])
    it(`a batch size of ${batchSize}`, () => {
      assert.throws(() => new Loader(dataset, { batchSize, statistics }), {
        name: "PeaError",
        kind: "usage",
        message: new RegExp(`positive integer, got ${batchSize}`),
      });
    });
  it("to train with batches larger than the data set", () => {
    assert.throws(() => new Loader(dataset, { batchSize: 11, statistics, training }), {
      name: "PeaError",
      kind: "usage",
      message: /batch size 11 is larger than the training part of 10/,
    });
  });
});
