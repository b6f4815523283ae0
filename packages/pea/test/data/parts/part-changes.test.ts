import assert from "node:assert/strict";
import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { tensor } from "@pea/torch";
import { openImageFolder } from "../../../src/data/formats/image-folder.ts";
import { KnownParts } from "../../../src/data/parts/known-parts.ts";
import {
  compareParts,
  continuedParts,
  describeChanges,
  isTrainingChanged,
  isUnchanged,
} from "../../../src/data/parts/part-changes.ts";
import { type PartIds, sampleIds } from "../../../src/data/parts/part-ids.ts";
import { writeFiles } from "../../support/images.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";

const ids = (...numbers: number[]) => BigInt64Array.from(numbers, BigInt);
const parts = (train: number[], validation: number[], test: number[], unused: number[] = []): PartIds => ({
  train: ids(...train),
  validation: ids(...validation),
  test: ids(...test),
  unused: ids(...unused),
});

const before = new KnownParts(parts([5, 1, -2], [7], [3, 9]));

describe("data compared with those that a run began with", () => {
  it("are unchanged in whatever order they come", () => {
    const changes = compareParts(before, parts([1, -2, 5], [7], [9, 3]));
    assert.ok(isUnchanged(changes));
    assert.equal(describeChanges(changes), "");
  });

  it("tell what is new, gone and moved, and which images of a part were trained on", () => {
    const changes = compareParts(before, parts([1, 4, 8], [-2], [3, 7, 5]));
    assert.deepEqual(changes, {
      images: { validation: 1, test: 3 },
      added: { train: 2, validation: 0, test: 0, unused: 0 },
      gone: { train: 0, validation: 0, test: 1, unused: 0 },
      moved: [
        { from: "train", to: "validation", images: 1 },
        { from: "validation", to: "test", images: 1 },
        { from: "train", to: "test", images: 1 },
      ],
      trainedOn: { validation: [0], test: [2] },
    });
    assert.equal(
      describeChanges(changes),
      "2 images are new (2 training), 1 image is gone (1 test), 1 has moved from training to validation, " +
        "1 has moved from validation to test, 1 has moved from training to test",
    );
    assert.ok(isTrainingChanged(changes));
  });

  it("hold images that were alike in two parts from the start: these are no leak", () => {
    const twins = new KnownParts(parts([1, 2], [], [2, 3]));
    assert.ok(isUnchanged(compareParts(twins, parts([1, 2], [], [2, 3]))));
    assert.equal(twins.placeOf(2n), undefined);
  });

  it("know what limitTrain left out", () => {
    const limited = new KnownParts(parts([1], [], [2], [3, 4]));
    const changes = compareParts(limited, parts([1, 3], [], [2], [4]));
    assert.equal(describeChanges(changes), "1 has moved from left out by limitTrain to training");
  });
});

describe("changes of a part that was looked at alone", () => {
  const { test } = parts([], [], [2, 3, 9]);
  const known = new KnownParts(parts([1, 2], [4], [3, 5]));

  it("are those of its images, wherever these were", () => {
    const changes = compareParts(known, { test });
    assert.equal(
      describeChanges(changes),
      "1 image is new (1 test), 1 image is gone (1 test), 1 has moved from training to test",
    );
    assert.deepEqual([changes.images.test, changes.trainedOn], [3, { validation: [], test: [0] }]);
  });
});

describe("the record of a run that goes on with other data", () => {
  it("keeps all that was trained on, and out of the other parts what among these was", () => {
    const now = parts([1, 4], [-2, 6], [3, 5]);
    const { train, validation, test } = continuedParts(before, now).ids;
    assert.deepEqual([[...train], [...validation], [...test]], [[-2n, 1n, 4n, 5n], [6n], [3n]]);
    assert.deepEqual(compareParts(continuedParts(before, now), now).trainedOn, {
      validation: [0],
      test: [1],
    });
  });
});

describe("the digest of data", () => {
  it("is one for all ways to split the training images, and another for other images or other test images", () => {
    const digest = (of: PartIds) => new KnownParts(of).digest();
    assert.match(before.digest(), /^[0-9a-f]{16}$/);
    assert.equal(digest(parts([7, 1], [-2], [9, 3], [5])), before.digest());
    assert.notEqual(digest(parts([5, 1, -2], [7], [3])), before.digest());
    assert.notEqual(digest(parts([5, 1, -2, 9], [7], [3])), before.digest());
  });
});

describe("the id of an image", () => {
  const root = temporaryFolder();
  const idsOf = async (folder: string) => [...sampleIds(await openImageFolder(join(root, folder)))];

  it("in a file is that of its name and length, wherever the data lie", async () => {
    writeFiles(root, { "a/cat/1.jpg": "12", "a/cat/2.jpg": "12", "a/dog/1.jpg": "12" });
    const first = await idsOf("a");
    assert.equal(new Set(first).size, 3);
    mkdirSync(join(root, "elsewhere"));
    renameSync(join(root, "a"), join(root, "elsewhere/b"));
    assert.deepEqual(await idsOf("elsewhere/b"), first);
    writeFiles(root, { "elsewhere/b/cat/2.jpg": "123" });
    const changed = await idsOf("elsewhere/b");
    assert.deepEqual([changed[0], changed[2]], [first[0], first[2]]);
    assert.notEqual(changed[1], first[1]);
  });

  it("in memory is that of its label and pixels, in whatever place", () => {
    const dataset = (pixels: number[], labels: number[]) => ({
      images: tensor(Uint8Array.from(pixels), { shape: [labels.length, 1, 1, 2] }),
      labels: tensor(BigInt64Array.from(labels, BigInt)),
      classes: ["a", "b"],
    });
    const [first, second, third] = sampleIds(dataset([1, 2, 3, 4, 1, 2], [0, 0, 1]));
    assert.equal(new Set([first, second, third]).size, 3);
    assert.deepEqual([...sampleIds(dataset([3, 4, 1, 2], [0, 0]))], [second, first]);
  });
});
