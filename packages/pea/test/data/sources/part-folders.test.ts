import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, it } from "node:test";
import { openDataset } from "../../../src/data/sets/open-dataset.ts";
import { findPartFolders } from "../../../src/data/sources/part-folders.ts";
import { partOf, partOfFolder } from "../../../src/data/sources/part-names.ts";
import { writeFiles } from "../../support/images.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";

/** A folder with these images, all empty: nothing looks into them here. A name that ends in a slash is a folder. */
function layout(...names: string[]): string {
  const root = temporaryFolder();
  for (const name of names)
    if (name.endsWith("/")) mkdirSync(join(root, name), { recursive: true });
    else writeFiles(root, { [name]: "" });
  return root;
}

/** Class folders `a` and `b` with an image each, in every one of these folders. */
const classesIn = (...folders: string[]): string[] =>
  folders.flatMap((folder) => [`${folder}/a/1.jpg`, `${folder}/b/2.jpg`]);

async function partsOf(root: string): Promise<Record<string, string>> {
  const { parts } = await findPartFolders(root);
  return Object.fromEntries(Array.from(parts, ([part, path]) => [part, relative(root, path)]));
}

describe("the name of a part", () => {
  for (const [part, names] of Object.entries({
    train: [
      "train",
      "Training",
      "training_set",
      "train_images",
      "seg_train",
      "TrainSet",
      "TRAIN",
      "train2017",
    ],
    validation: [
      "val",
      "valid",
      "Validation",
      "dev",
      "val_images",
      "eval",
      "Validation Set",
      "dev-set",
      "val2017",
    ],
    test: ["test", "Testing", "test_set", "test-images", "seg_test", "testdata", "holdout"],
  }))
    for (const name of names)
      it(`${name} is that of the ${part} part, of a folder`, () => assert.equal(partOfFolder(name), part));
  for (const name of [
    "train_cats",
    "trainA",
    "cats-test",
    "trainers",
    "valley",
    "testament",
    "contest",
    "images",
    "",
  ])
    it(`${JSON.stringify(name)} is none, of a folder`, () => assert.equal(partOfFolder(name), undefined));
  it("stands anywhere in that of a file", () => {
    const names = ["imagenet-training-07.tar", "x-dev-0.tar", "testing-00000-of-00002", "latest-0.tar"];
    assert.deepEqual(names.map(partOf), ["train", "validation", "test", undefined]);
  });
});

describe("folders are taken for parts", () => {
  const cases: [what: string, names: string[], parts: Record<string, string>][] = [
    ["by other usual names", classesIn("Training", "Testing"), { train: "Training", test: "Testing" }],
    [
      "with other words in their names",
      classesIn("seg_train", "seg_test", "dev_set"),
      { train: "seg_train", test: "seg_test", validation: "dev_set" },
    ],
    ["by train and dev", classesIn("train", "dev"), { train: "train", validation: "dev" }],
    [
      "where an image lies beside the class folders",
      [...classesIn("train", "val"), "train/x.jpg"],
      { train: "train", validation: "val" },
    ],
    [
      "where they lie in a folder of their own name, as archives are unpacked",
      classesIn("seg_train/seg_train", "seg_test/seg_test"),
      { train: "seg_train/seg_train", test: "seg_test/seg_test" },
    ],
    [
      "where there is but one, a training part",
      [...classesIn("train"), "docs/readme.md"],
      { train: "train" },
    ],
    ["beside other folders", [...classesIn("train", "test"), "pred/1.jpg"], { train: "train", test: "test" }],
  ];
  for (const [what, names, parts] of cases)
    it(what, async () => assert.deepEqual(await partsOf(layout(...names)), parts));

  it("and what is taken for what, and passed over, is told", async () => {
    const { notes } = await findPartFolders(layout(...classesIn("Training", "test", "seg_pred/extra")));
    assert.deepEqual(notes, [
      "Training is taken for the training part",
      "1 folder is passed over beside the parts: seg_pred",
    ]);
  });
});

describe("folders are taken for classes", () => {
  const cases: [what: string, names: string[]][] = [
    ["that hold images, whatever their names", ["bus/1.jpg", "car/1.jpg", "train/1.jpg"]],
    [
      "with the names of all parts",
      ["bus/1.jpg", "train/1.jpg", "test/1.jpg", "val/1.jpg", "validation/1.jpg"],
    ],
    [
      "with folders of different names in them",
      ["cats/siamese/1.jpg", "dogs/poodle/1.jpg", "dogs/pug/1.jpg"],
    ],
    ["with one folder of the same name in each", ["cats/images/1.jpg", "dogs/images/1.jpg"]],
    ["with folders in some of them", ["cats/2023/1.jpg", "dogs/2023/1.jpg", "dogs/2024/1.jpg", "owls/1.jpg"]],
  ];
  for (const [what, names] of cases)
    it(what, async () => {
      const root = layout(...names);
      assert.deepEqual(await partsOf(root), {});
      const classes = [...new Set(names.map((name) => name.slice(0, name.indexOf("/"))))].sort();
      assert.deepEqual((await openDataset("imagefolder", root)).train.classes, classes);
    });

  it("where classes.txt lists them all", async () => {
    const names = classesIn("cats", "dogs");
    await assert.rejects(findPartFolders(layout(...names)), /are they parts\?/);
    const root = layout(...names);
    writeFiles(root, { "classes.txt": "dogs\ncats\nowls\n" });
    assert.deepEqual(await partsOf(root), {});
  });

  it("and of one named as a part that is told", async () => {
    const { notes } = await findPartFolders(layout("bus/1.jpg", "car/1.jpg", "train/1.jpg"));
    assert.deepEqual(notes, ["train is taken for a class and not for a part: it holds images, as bus does"]);
  });
});

describe("folders that may be either are refused with the question:", () => {
  const cases: [what: string, names: string[], message: RegExp][] = [
    [
      "class folders without an image that hold the same folders",
      classesIn("set1", "set2"),
      /class folders set1, set2 hold no image but folders \(a, b\); are they parts\? Name parts train, .* classes\.txt/,
    ],
    [
      "names that all speak of parts and name none",
      ["trainA/1.jpg", "trainB/1.jpg", "testA/1.jpg", "testB/1.jpg"],
      /class folders testA, testB, trainA, trainB have parts in their names; are they parts\?/,
    ],
    [
      "a part beside class folders",
      ["bus/1.jpg", ...classesIn("train")],
      /could train be a part, or a class as bus\? Name parts train, validation and test\. If .* are the classes/,
    ],
    [
      "a class with a folder in it",
      ["bus/1.jpg", "train/1.jpg", "train/old/1.jpg"],
      /could train be a part, or a class as bus\? Name parts train, validation and test\. If .* are the classes/,
    ],
    [
      "two folders of one part",
      classesIn("train", "val", "valid"),
      /two folders named after the validation part, val and valid/,
    ],
    [
      "a folder around the data",
      classesIn("archive/train", "archive/test"),
      /holds archive alone, .*\(test, train\).* give .*archive as the folder/,
    ],
    [
      "parts within classes",
      ["cat/train/1.jpg", "cat/test/2.jpg", "dog/train/1.jpg"],
      /cat\/test, cat\/train …; put the classes into the parts/,
    ],
  ];
  for (const [what, names, message] of cases)
    it(what, async () => {
      await assert.rejects(findPartFolders(layout(...names)), { name: "PeaError", kind: "usage", message });
    });
});
