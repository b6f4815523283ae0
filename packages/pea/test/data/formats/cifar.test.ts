import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { call, scope } from "@pea/torch";
import { loadCifar10, loadCifar100 } from "../../../src/data/formats/cifar.ts";
import type { Dataset } from "../../../src/data/parts/dataset.ts";
import { writeFiles } from "../../support/images.ts";

const directory = mkdtempSync(join(tmpdir(), "cifar-"));
after(() => rmSync(directory, { recursive: true }));

/** A record whose planes are red, green and blue, but for the first pixel of the second row. */
function record(labels: number[], [red, green, blue]: [number, number, number]): Buffer {
  const pixels = Buffer.concat([red, green, blue].map((value) => Buffer.alloc(1024, value)));
  pixels[32] = 255;
  return Buffer.concat([Buffer.from(labels), pixels]);
}

let made = 0;
function folder(files: Record<string, Uint8Array | string>): string {
  const path = join(directory, `${made++}`);
  writeFiles(path, { "placeholder.txt": "", ...files });
  return path;
}

const batches = Object.fromEntries(
  [1, 2, 3, 4, 5].map((i) => [
    `data_batch_${i}.bin`,
    Buffer.concat([record([i], [i, 0, 0]), record([0], [9, i, 7])]),
  ]),
);
const complete10 = { ...batches, "test_batch.bin": record([9], [1, 2, 3]) };
const names = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";
const complete100 = { "train.bin": record([3, 99], [1, 2, 3]), "test.bin": record([19, 0], [4, 5, 6]) };
const pixel = ({ images }: Dataset, sample: number, y: number, x: number) =>
  scope(
    () =>
      call(
        "aten::select.int",
        call("aten::select.int", images, 0, sample),
        1,
        y,
      ).toNestedArray() as number[][],
  ).map((row) => row[x]);
const labels = (dataset: Dataset) => dataset.labels.toNestedArray();

describe("CIFAR-10", () => {
  const { train, test } = loadCifar10(folder(complete10));
  it("is read from its six files in order", () => {
    assert.deepEqual([train.images.shape, train.images.dtype], [[10, 3, 32, 32], "uint8"]);
    assert.deepEqual(labels(train), [1, 0, 2, 0, 3, 0, 4, 0, 5, 0]);
    assert.deepEqual([test.images.shape, labels(test)], [[1, 3, 32, 32], [9]]);
  });
  it("has planes of red, green and blue, each row by row", () => {
    assert.deepEqual(pixel(train, 3, 0, 1), [9, 2, 7]);
    assert.deepEqual(pixel(train, 3, 1, 0), [255, 2, 7]);
  });
  it("has the names of its classes where they lie beside it", () => {
    assert.deepEqual(train.classes, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    const named = loadCifar10(folder({ ...complete10, "batches.meta.txt": names }));
    assert.deepEqual([named.test.classes[0], named.test.classes[9]], ["airplane", "truck"]);
  });
  it("may lie in the folder of its archive", () => {
    const inner = Object.entries(complete10).map(([name, bytes]) => [`cifar-10-batches-bin/${name}`, bytes]);
    assert.equal(loadCifar10(folder(Object.fromEntries(inner))).train.labels.numel, 10);
  });
});

describe("CIFAR-100", () => {
  it("is read with its fine labels", () => {
    const { train, test } = loadCifar100(folder(complete100));
    assert.deepEqual([labels(train), labels(test), train.classes.length], [[99], [0], 100]);
    assert.deepEqual(pixel(test, 0, 0, 0), [4, 5, 6]);
  });
});

describe("reading CIFAR refuses", () => {
  const broken: [what: string, files: Record<string, Uint8Array | string>, message: RegExp, kind: string][] =
    [
      [
        "a missing file",
        { ...complete10, "data_batch_4.bin": undefined as never },
        /CIFAR-10 cannot be read: ENOENT.*data_batch_4\.bin.*cifar-10-batches-bin, with --data-dir/,
        "usage",
      ],
      [
        "a truncated file",
        { ...complete10, "test_batch.bin": record([0], [0, 0, 0]).subarray(0, -1) },
        /test_batch\.bin has 3072 bytes, which is no number of whole records of 3073: it is damaged, incomplete/,
        "failure",
      ],
      [
        "an empty file",
        { ...complete10, "data_batch_2.bin": "" },
        /data_batch_2\.bin has 0 bytes/,
        "failure",
      ],
      [
        "a wrong label",
        {
          ...complete10,
          "data_batch_5.bin": Buffer.concat([record([1], [0, 0, 0]), record([10], [0, 0, 0])]),
        },
        /data_batch_5\.bin has the label 10 in record 1; labels of CIFAR-10 run from 0 to 9/,
        "failure",
      ],
      [
        "names that are too few",
        { ...complete10, "batches.meta.txt": "cat\ndog\n" },
        /holds 2 names .* instead of 10/,
        "failure",
      ],
    ];
  for (const [what, files, message, kind] of broken)
    it(what, () => {
      const present = Object.fromEntries(
        Object.entries(files).filter(([, content]) => content !== undefined),
      );
      assert.throws(() => loadCifar10(folder(present)), { name: "PeaError", kind, message });
    });
  it("CIFAR-10 in the place of CIFAR-100", () => {
    const files = { "train.bin": record([1], [0, 0, 0]), "test.bin": record([1], [0, 0, 0]) };
    assert.throws(() => loadCifar100(folder(files)), { message: /3073 bytes, .* of 3074/ });
  });
});
