import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import sharp from "sharp";
import { cityscapesLabels } from "../../src/data/formats/cityscapes/labels.ts";
import type { PartsDescription } from "../../src/data/parts/describe-parts.ts";
import { plainImage, writeFiles } from "../support/images.ts";
import { peaHere } from "../support/pea-main.ts";
import { tarArchive } from "../support/tar-archive.ts";
import { imagenetExample, tfRecords } from "../support/tf-examples.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

const small = await plainImage(90, 32);
const large = await plainImage(90, 240);

/** `count` images of each of two classes. */
const classes = (folder: string, count: number, image = small) =>
  Object.fromEntries(
    Array.from({ length: 2 * count }, (_, i) => [join(folder, i % 2 ? "cat" : "dog", `${i}.png`), image]),
  );

function layout(files: Readonly<Record<string, Uint8Array | string>>): string {
  const folder = temporaryFolder();
  writeFiles(folder, files);
  return folder;
}

const examples = (count: number) =>
  tfRecords(Array.from({ length: count }, (_, i) => imagenetExample(small, (i % 2) + 1)));

const samples = (count: number) =>
  tarArchive(
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => [
        [`${i}.png`, small],
        [`${i}.cls`, `${i % 2}`],
      ]).flat() as [string, Uint8Array | string][],
    ),
  );

/** Records of CIFAR-10: a label and 3072 bytes. */
const cifar = (count: number) =>
  Uint8Array.from({ length: count * 3073 }, (_, i) => (i % 3073 ? 90 : (i / 3073) % 10));

async function scenes(): Promise<Record<string, Uint8Array>> {
  const image = await sharp({ create: { width: 64, height: 32, channels: 3, background: "#555" } })
    .png()
    .toBuffer();
  const labels = await sharp(new Uint8Array(64 * 32).fill(7), { raw: { width: 64, height: 32, channels: 1 } })
    .toColourspace("b-w")
    .png()
    .toBuffer();
  return Object.fromEntries(
    ["train", "val"].flatMap((split) =>
      Array.from({ length: 12 }, (_, i) => `${split}/town/town_000000_0000${10 + i}`).flatMap((name) => [
        [`leftImg8bit/${name}_leftImg8bit.png`, image],
        [`gtFine/${name}_gtFine_labelIds.png`, labels],
      ]),
    ),
  );
}

/** What is known of the parts beforehand: all counts, or what some of them add up to where names decide on the rest. */
type Counts =
  | { train: number; validation: number; test: number }
  | { others: number; test: number }
  | { all: number };

function checkImages({ images, imagesPerClass }: PartsDescription, expected: Counts): void {
  const { train, validation, test } = images;
  if ("train" in expected) assert.deepEqual(images, expected);
  else if ("others" in expected)
    assert.deepEqual([train + validation, test], [expected.others, expected.test]);
  else assert.equal(train + validation + test, expected.all);
  for (const sizes of Object.values(imagesPerClass ?? {}))
    for (const count of Object.values(sizes)) assert.ok(count > 0, JSON.stringify(imagesPerClass));
}

describe("pea init writes a recipe that pea train takes", () => {
  const cases: [name: string, folder: () => string | Promise<string>, expected: Record<string, unknown>][] = [
    [
      "for folders of parts with class folders",
      () => layout({ ...classes("train", 20, large), ...classes("val", 5, large) }),
      {
        data: "imagefolder",
        model: "mobilenet-0.25",
        imageSize: 224,
        images: { others: 40, test: 10 },
      },
    ],
    [
      "for class folders alone, a tenth of which is split off for testing",
      () => layout(classes("", 20)),
      {
        data: "imagefolder",
        model: "mobilenet-0.25-small",
        imageSize: 32,
        images: { all: 40 },
      },
    ],
    [
      "for four images of each class",
      () => layout(classes("", 4)),
      { data: "imagefolder", imageSize: 32, images: { all: 8 } },
    ],
    [
      "for three parts",
      () => layout({ ...classes("train", 20), ...classes("validation", 5), ...classes("test", 5) }),
      { data: "imagefolder", imageSize: 32, images: { train: 40, validation: 10, test: 10 } },
    ],
    [
      "for IDX files",
      () => writeTinyData(),
      { data: "idx", flip: false, images: { train: 220, validation: 20, test: 60 } },
    ],
    [
      "for CIFAR-10",
      () =>
        layout({
          ...Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`data_batch_${n}.bin`, cifar(20)])),
          "test_batch.bin": cifar(20),
        }),
      { data: "cifar10", model: "mobilenet-0.25-small", images: { train: 90, validation: 10, test: 20 } },
    ],
    [
      "for TFRecords",
      () =>
        layout({
          "train-00000-of-00002": examples(20),
          "train-00001-of-00002": examples(20),
          "validation-00000-of-00001": examples(10),
        }),
      { data: "tfrecord", images: { others: 40, test: 10 } },
    ],
    [
      "for tar shards",
      () => layout({ "train-000000.tar": samples(40), "val-000000.tar": samples(10) }),
      { data: "webdataset", images: { others: 40, test: 10 } },
    ],
    [
      "for a single file of TFRecords, a tenth of which is split off for testing",
      () => layout({ "flowers-train.tfrecord-00000-of-00001": examples(40) }),
      { data: "tfrecord", images: { all: 40 } },
    ],
    [
      "for parts by other names",
      () => layout({ ...classes("Training", 20), ...classes("Testing", 5) }),
      { data: "imagefolder", images: { others: 40, test: 10 } },
    ],
    [
      "for images with label maps as Cityscapes",
      async () => layout({ ...(await scenes()), "labels.json": JSON.stringify(cityscapesLabels) }),
      { data: "cityscapes", model: "erfnet-segmentation", imageSize: "32x64", optimizer: "radam" },
    ],
  ];
  for (const [name, folder, { images, ...expected }] of cases)
    test(name, async () => {
      const output = join(temporaryFolder(), "pea.yaml");
      const written = await peaHere("init", await folder(), "-o", output, "--json");
      assert.equal(written.code, 0, written.stderr);
      const { recipe } = JSON.parse(written.stdout);
      for (const [key, value] of Object.entries(expected)) assert.equal(recipe[key], value, key);
      const plan = await peaHere("train", "-c", output, "--dry-run", "--json");
      assert.equal(plan.code, 0, plan.stderr);
      if (images) checkImages(JSON.parse(plan.stdout), images as Counts);
      assert.equal(JSON.parse(plan.stdout).phases.at(-1).name, "final");
      // Each key is explained: a comment stands above it.
      for (const [i, line] of readFileSync(output, "utf8").split("\n").entries())
        if (/^\w/.test(line))
          assert.match(readFileSync(output, "utf8").split("\n")[i - 1] as string, /^# \S/, line);
    });
});

describe("pea init, where labels of TFRecords count from 0 in a layout that mostly counts from 1,", () => {
  const slim = () => {
    const records = (count: number) =>
      tfRecords(
        Array.from({ length: count }, (_, i) => imagenetExample(small, i % 2, ["daisy", "rose"][i % 2])),
      );
    return layout({
      "flowers_train_00000-of-00001.tfrecord": records(20),
      "flowers_validation_00000-of-00001.tfrecord": records(10),
    });
  };
  test("says so and what to set", async () => {
    const { code, stderr } = await peaHere("init", slim(), "-o", join(temporaryFolder(), "pea.yaml"));
    assert.equal(code, 2);
    assert.match(stderr, /TF-Slim's layout counts from 1 and keeps 0 for the background; .*--label-base 0/);
  });
  test("writes down what it is told", async () => {
    const output = join(temporaryFolder(), "pea.yaml");
    const { code, stderr } = await peaHere("init", slim(), "--label-base", "0", "-o", output);
    assert.equal(code, 0, stderr);
    assert.match(readFileSync(output, "utf8"), /^# Label of the first class\.\nlabelBase: 0$/m);
    assert.equal((await peaHere("train", "-c", output, "--dry-run")).code, 0);
  });
});

describe("pea init names", () => {
  test("the classes with their images, and what was taken for what", async () => {
    const data = layout({
      ...Object.fromEntries(
        ["bus", "car", "train"].flatMap((name) => [1, 2, 3].map((i) => [`${name}/${i}.png`, small])),
      ),
      "bicycle/1.png": small,
    });
    const output = join(temporaryFolder(), "pea.yaml");
    const { stdout } = await peaHere("init", data, "-o", output);
    assert.match(stdout, /^class +training +test$/m);
    assert.match(stdout, /^car +2 +1$/m);
    assert.match(stdout, /^bicycle +1 +0$/m);
    assert.match(stdout, /note: train is taken for a class and not for a part/);
    assert.match(stdout, /warning: the test part has no image of bicycle \(1 in all\)/);
    assert.match(readFileSync(output, "utf8"), /^# Classes: bicycle, bus, car, train\.$/m);
    const { found } = JSON.parse((await peaHere("init", data, "-o", output, "--force", "--json")).stdout);
    assert.deepEqual(found.parts.imagesPerClass.car, { train: 2, validation: 0, test: 1 });
    assert.equal(found.parts.warnings.length, 1);
  });

  test("some of many classes, and between how many images they have", async () => {
    const names = Array.from({ length: 12 }, (_, i) => `c${10 + i}`);
    const data = layout(
      Object.fromEntries([
        ...names.flatMap((name) => [1, 2, 3].map((i) => [`train/${name}/${i}.png`, small])),
        ...names.map((name) => [`val/${name}/1.png`, small]),
        ["train/c15/4.png", small],
      ]),
    );
    const { stdout } = await peaHere("init", data, "-o", join(temporaryFolder(), "pea.yaml"));
    assert.match(stdout, /^classes: c10, c11, .*, c19 and 2 more$/m);
    assert.match(stdout, /^images of a class: 3 to 4 training, 1 test$/m);
  });
});

test("pea init writes down that a part of a numbered set is to do", async () => {
  const folder = layout({ "train-00001-of-00004": examples(20), "validation-00000-of-00001": examples(10) });
  const output = join(temporaryFolder(), "pea.yaml");
  const { code, stdout, stderr } = await peaHere("init", folder, "--on-missing-shard", "skip", "-o", output);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /note: of the 4 shards of the training part 1 are there/);
  assert.match(readFileSync(output, "utf8"), /^onMissingShard: skip$/m);
  assert.equal((await peaHere("train", "-c", output, "--dry-run")).code, 0);
});

describe("pea init refuses", () => {
  test("to overwrite a recipe, unless told to", async () => {
    const output = join(temporaryFolder(), "mine.yaml");
    writeFileSync(output, "# mine");
    const data = writeTinyData();
    const refused = await peaHere("init", data, "-o", output);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /mine\.yaml is there already; .*--force/);
    assert.equal(readFileSync(output, "utf8"), "# mine");
    assert.equal((await peaHere("init", "--data-dir", data, "-o", output, "--force")).code, 0);
    assert.match(readFileSync(output, "utf8"), /^data: idx$/m);
  });

  test("folders without a data set, and writes nothing", async () => {
    const empty = temporaryFolder();
    const output = join(temporaryFolder(), "pea.yaml");
    for (const [words, message] of [
      [[empty], /holds no data set that can be read here\. These can: /],
      [[join(empty, "nowhere")], /there is no folder .*nowhere/],
      [[empty, "--data-dir", "other"], /given twice/],
      [[layout({ "a.png": small })], /holds no data set/],
      [[layout({ "shard-0.tar.gz": "" })], /shard-0\.tar\.gz is compressed with gzip/],
      [[layout({ "val/a/1.png": small })], /has no training part/],
      [
        [layout({ "train/a/1.png": small })],
        /no test part, and 1 training images are too few to split one off/,
      ],
      [[layout({ "train/a/1.png": small, "val/a/2.png": small })], /has one class alone, a: /],
    ] as const) {
      const { code, stderr } = await peaHere("init", ...words, "-o", output);
      assert.deepEqual([code, message.test(stderr)], [2, true], stderr);
    }
    assert.equal(existsSync(output), false);
  });
});
