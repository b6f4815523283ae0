import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, describe, it } from "node:test";
import type { PartsInFiles } from "../../../src/data/formats/parts-in-files.ts";
import type { OpenDatasetOptions } from "../../../src/data/sets/dataset-descriptor.ts";
import { openDataset as openAny, openTestAlone } from "../../../src/data/sets/open-dataset.ts";
import type { OpeningProgress, SampleSource } from "../../../src/data/sources/sample-source.ts";
import { writeFiles } from "../../support/images.ts";
import { tarArchive } from "../../support/tar-archive.ts";
import { imagenetExample, tfRecords } from "../../support/tf-examples.ts";

const directory = mkdtempSync(join(tmpdir(), "open-streamed-"));
after(() => rmSync(directory, { recursive: true }));

/** A data set whose images stay in files. */
const openDataset = async (name: string, folder: string, options?: OpenDatasetOptions) =>
  (await openAny(name, folder, options)) as Awaited<ReturnType<typeof openAny>> & PartsInFiles;

let made = 0;
function folder(files: Record<string, Uint8Array | string>): string {
  const path = join(directory, `${made++}`);
  writeFiles(path, { "readme.md": "", ...files });
  return path;
}

const records = (...labels: number[]) =>
  tfRecords(labels.map((label) => imagenetExample(new Uint8Array(9), label)));
const tar = (...labels: number[]) =>
  tarArchive(
    Object.fromEntries(
      labels.flatMap((label, i) => [
        [`${i}.cls`, `${label}`],
        [`${i}.jpg`, ""],
      ]),
    ),
  );
const labels = (source: SampleSource | null) => source && Array.from(source.labels);

/** The parts with labels 1 0 | 1, in all their layouts. */
const layouts: [string, what: string, Record<string, Uint8Array | string>][] = [
  ["imagefolder", "train and val", { "train/b/1.jpg": "", "train/a/1.jpg": "", "val/b/1.jpg": "" }],
  [
    "imagefolder",
    "train and Validation",
    { "train/a/1.jpg": "", "train/b/1.jpg": "", "Validation/b/1.jpg": "" },
  ],
  [
    "tfrecord",
    "shards of ImageNet",
    {
      "train-00000-of-00002": records(2),
      "train-00001-of-00002": records(1),
      "validation-00000-of-00001": records(2),
    },
  ],
  [
    "tfrecord",
    "shards of TensorFlow Datasets, in folders",
    {
      "train/x-train.tfrecord-00000-of-00001": records(2, 1),
      "test/x-test.tfrecord-00000-of-00001": records(2),
    },
  ],
  [
    "webdataset",
    "archives",
    { "x-train-0007.tar": tar(1), "x-train-0008.tar": tar(0), "x-val-0.tar": tar(1) },
  ],
  ["webdataset", "archives in folders", { "train/00.tar": tar(1, 0), "valid/00.tar": tar(1) }],
];

describe("a folder of streamed data is opened", () => {
  for (const [format, what, files] of layouts)
    it(`as ${format}: ${what}`, async () => {
      const parts = await openDataset(format, folder(files));
      const train = labels(parts.train) as number[];
      assert.deepEqual(format === "imagefolder" ? train.toReversed() : train, [1, 0]);
      assert.deepEqual([parts.validation, labels(parts.test)], [null, [1]]);
      assert.equal(parts.test?.classes, parts.train.classes);
    });
  for (const [format, what, files] of layouts)
    it(`and tells how far it is, file by file or folder by folder: ${format}, ${what}`, async () => {
      const path = folder(files);
      const told: OpeningProgress[] = [];
      await openDataset(format, path, { onOpening: (progress) => told.push(progress) });
      const ends = told.filter(({ done, total }) => done === total);
      assert.equal(ends.length, 2, "the training part and the other");
      assert.ok(told.every((one) => one.done >= 1 && one.done <= one.total && one.path.startsWith(path)));
      assert.equal(
        told.length,
        ends.reduce((sum, { total }) => sum + total, 0),
      );
    });
  it("with three parts where there are three", async () => {
    const root = folder({ "train/a/1.jpg": "", "val/a/2.jpg": "", "test/a/3.jpg": "" });
    const { train, validation, test } = await openDataset("imagefolder", root);
    assert.deepEqual(
      [train, validation, test].map((part) => relative(root, part?.locate(0).path ?? "")),
      ["train/a/1.jpg", "val/a/2.jpg", "test/a/3.jpg"],
    );
  });
  it("with a validation part for the test part where there is no other, and that is told", async () => {
    const root = folder({ "train/a/1.jpg": "", "dev/a/2.jpg": "" });
    const { validation, test, notes } = await openDataset("imagefolder", root);
    assert.deepEqual([validation, relative(root, test?.locate(0).path ?? "")], [null, "dev/a/2.jpg"]);
    assert.deepEqual(notes, [
      "dev is taken for the validation part",
      "there is no test part: the validation part is taken for it",
    ]);
  });
  it("without images beside the class folders, which are told", async () => {
    const files = { "train/a/1.jpg": "", "train/2.jpg": "", "test/a/3.jpg": "", "test/readme.txt": "" };
    const root = folder(files);
    const { train, notes } = await openDataset("imagefolder", root);
    assert.deepEqual(labels(train), [0]);
    assert.deepEqual(notes, [`passed over beside the class folders in ${join(root, "train")}: 2.jpg`]);
  });
  it("with the classes that classes.txt lists", async () => {
    const root = folder({ "classes.txt": "a\nb\nc\n", "train-0.tar": tar(2), "val-0.tar": tar(0) });
    const { train, test } = await openDataset("webdataset", root);
    assert.deepEqual([train.classes, labels(train), labels(test)], [["a", "b", "c"], [2], [0]]);
  });
});

describe("data without a test part are all training images, and that is told:", () => {
  const cases: [string, what: string, Record<string, Uint8Array | string>][] = [
    ["imagefolder", "class folders", { "b/1.jpg": "", "a/1.jpg": "" }],
    ["imagefolder", "a training part alone", { "train/b/1.jpg": "", "train/a/1.jpg": "" }],
    ["tfrecord", "a file of TensorFlow Datasets", { "x-train.tfrecord-00000-of-00001": records(2, 1) }],
    ["webdataset", "an archive", { "x-train-0.tar": tar(1, 0) }],
    ["webdataset", "archives whose names say no part", { "shard-000.tar": tar(1), "shard-001.tar": tar(0) }],
    ["tfrecord", "files whose names say no part", { "a.tfrecord": records(2), "b.tfrecord": records(1) }],
  ];
  for (const [format, what, files] of cases)
    it(`${format}, ${what}`, async () => {
      const { train, validation, test, notes } = await openDataset(format, folder(files));
      assert.deepEqual([[...train.labels].sort(), validation, test], [[0, 1], null, null]);
      assert.match(notes.join(), /there is no test part: about a tenth .* is kept for it/);
    });
});

describe("shards", () => {
  it("that are a part of a numbered set are read where one says so, and that is told", async () => {
    const root = folder({
      "train-00001-of-00004": records(1),
      "train-00003-of-00004": records(2),
      "test-00000-of-00001": records(1),
    });
    const { train, notes } = await openDataset("tfrecord", root, { onMissingShard: "skip" });
    assert.deepEqual(labels(train), [0, 1]);
    assert.deepEqual(notes, ["of the 4 shards of the training part 2 are there"]);
    const gap = folder({ "train-07.tar": tar(0), "train-10.tar": tar(0), "test-0.tar": tar(0) });
    assert.deepEqual((await openDataset("webdataset", gap, { onMissingShard: "skip" })).notes, [
      "of the 4 shards of the training part 2 are there",
    ]);
  });
  it("whose names speak of no part, beside those that do, are passed over, and that is told", async () => {
    const root = folder({ "train-0.tar": tar(0), "test-0.tar": tar(0), "extra-0.tar": tar(0) });
    const { train, notes } = await openDataset("webdataset", root);
    assert.deepEqual(labels(train), [0]);
    assert.deepEqual(notes, ["files whose names speak of no part are passed over: extra-0.tar"]);
  });
  it("are not the files that begin with a dot, as Macs leave them", async () => {
    const root = folder({
      "train-0.tar": tar(0),
      "._train-0.tar": "",
      "val/0.tar": tar(0),
      "val/._0.tar": "",
    });
    const { train, test } = await openDataset("webdataset", root);
    assert.deepEqual([labels(train), labels(test)], [[0], [0]]);
  });
  it("may have their compressed form beside them", async () => {
    const root = folder({
      "train-0.tar": tar(0),
      "train-0.tar.gz": "",
      "val-0.tar": tar(0),
      "whole.tgz": "",
    });
    assert.deepEqual(labels((await openDataset("webdataset", root)).train), [0]);
  });
});

describe("opening a folder of streamed data refuses", () => {
  const cases: [string, what: string, Record<string, Uint8Array | string>, message: RegExp][] = [
    [
      "imagefolder",
      "one without a training part",
      { "val/a/1.jpg": "" },
      /has no training part; imagefolder needs folders named train and val, .* or such class folders alone/,
    ],
    [
      "tfrecord",
      "one without its files",
      { "train.tar": "" },
      /no training part; tfrecord needs files named like train-0/,
    ],
    [
      "tfrecord",
      "missing shards",
      { "train-00001-of-00004": records(1), "validation-00000-of-00001": records(1) },
      /lacks 3 of the shards 0 to 3 that train-00001-of-00004 belongs to: 0, 2, 3; get them, or .*--on-missing-shard skip/,
    ],
    [
      "webdataset",
      "a gap between archives",
      { "train-07.tar": tar(0), "train-10.tar": tar(0), "val-0.tar": tar(0) },
      /lacks 2 of the shards 7 to 10 that train-07\.tar belongs to: 8, 9/,
    ],
    [
      "webdataset",
      "compressed archives alone",
      { "data-0.tgz": "" },
      /data-0\.tgz is compressed with gzip, .*unpack it, gzip -dc < \S+data-0\.tgz > \S+data-0\.tar$/,
    ],
    [
      "webdataset",
      "a part that is compressed",
      { "train-0.tar": tar(0), "val-0.tar.zst": "" },
      /val-0\.tar\.zst is compressed with Zstandard, .*zstd -dc < \S+ > \S+val-0\.tar$/,
    ],
    [
      "tfrecord",
      "compressed records",
      { "train-00000-of-00001.gz": "" },
      /train-00000-of-00001\.gz is compressed with gzip/,
    ],
    [
      "tfrecord",
      "records of another format of TensorFlow Datasets",
      { "x-train.array_record-00000-of-00001": "no TFRecords" },
      /in TensorFlow Datasets' format array_record; prepare the data with file_format="tfrecord"/,
    ],
    [
      "imagefolder",
      "a test part with a class of its own",
      { "train/a/1.jpg": "", "val/A/1.jpg": "" },
      /classes that the training part does not know: A/,
    ],
    [
      "tfrecord",
      "a test part with a label of its own",
      { "train-00000-of-00001": records(1), "validation-00000-of-00001": records(1, 2) },
      /validation-00000-of-00001, record 1 has the label 2, the first being 1, but there are 1 classes$/,
    ],
  ];
  for (const [format, what, files, message] of cases)
    it(`as ${format}: ${what}`, async () => {
      await assert.rejects(openDataset(format, folder(files)), { name: "PeaError", kind: "usage", message });
    });
  it("a folder that is not there", async () => {
    for (const format of ["imagefolder", "tfrecord"] as const)
      await assert.rejects(openDataset(format, join(directory, "none")), {
        kind: "usage",
        message:
          /cannot read .*none: there is no such folder; say with --data-dir \(dataDir\) where the data lie$/,
      });
  });
});

describe("the test part alone", () => {
  for (const [format, what, files] of layouts)
    it(`is that of the whole data set, and no other file is opened: ${format}, ${what}`, async () => {
      const path = folder({ "classes.txt": "a\nb\n", ...files });
      const { test, train } = await openDataset(format, path);
      const told: string[] = [];
      const alone = await openTestAlone(format, path, {
        classes: train.classes,
        onOpening: ({ path }) => told.push(path),
      });
      assert.deepEqual([labels(alone), alone?.classes], [labels(test), ["a", "b"]]);
      assert.equal(alone?.nameOf(0), test?.nameOf(0));
      assert.ok(told.length > 0 && told.every((file) => !/train/.test(relative(path, file))), `${told}`);
    });

  it("is not opened where there is none, or it has to be found with the others", async () => {
    const classes = ["a", "b"];
    assert.equal(
      await openTestAlone("imagefolder", folder({ "a/1.jpg": "", "b/1.jpg": "" }), { classes }),
      null,
    );
    assert.equal(await openTestAlone("fashion-mnist", undefined, { classes }), null);
    // Classes known by number may have got names, which the training part tells.
    const tars = folder({ "train-0.tar": tar(0, 1), "val-0.tar": tar(1) });
    assert.equal(await openTestAlone("webdataset", tars, { classes: ["0", "1"] }), null);
  });

  it("with a class that was not known is refused", async () => {
    const path = folder({ "train/a/1.jpg": "", "val/a/1.jpg": "", "val/c/1.jpg": "" });
    await assert.rejects(
      openTestAlone("imagefolder", path, { classes: ["a"] }),
      /classes .* does not know: c/,
    );
  });
});
