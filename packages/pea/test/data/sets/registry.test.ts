import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { tensor } from "@pea/torch";
import type { DatasetDescriptor, OpenedDataset } from "../../../src/data/sets/dataset-descriptor.ts";
import { openDataset } from "../../../src/data/sets/open-dataset.ts";
import { datasetNamed, listDatasets, registerDataset } from "../../../src/data/sets/registry.ts";
import { resolveRecipe } from "../../../src/recipe/recipe.ts";
import { createTask } from "../../../src/tasks/registry.ts";

const part = (labels: bigint[] = [0n, 1n]) => ({
  images: tensor(new Uint8Array(12 * labels.length), { shape: [labels.length, 3, 2, 2] }),
  labels: tensor(BigInt64Array.from(labels)),
  classes: ["a", "b"],
});

let made = 0;
/** Registers a data set that opens as given, and returns its name. */
function registered(opened: unknown, more: Partial<DatasetDescriptor> = {}): string {
  const name = `own-${made++}`;
  registerDataset({ name, title: name, images: "in memory", open: () => opened as OpenedDataset, ...more });
  return name;
}

describe("a registered data set", () => {
  it("stands after those of this package, for classification where it says nothing else", () => {
    const name = registered({ train: part() });
    assert.equal(listDatasets().at(-1)?.name, name);
    assert.equal(datasetNamed(name).task, "classification");
  });

  it("is taken by a recipe, which asks of it what its description says", () => {
    const resolve = (data: string, settings = {}) =>
      resolveRecipe({ source: "the test", settings: { data, dataDir: "x", ...settings } });
    const [small, large] = [
      registered({}),
      registered({}, { images: "in files", imageSize: 96, hasShards: true }),
    ];
    assert.equal(resolve(small).imageSize, undefined);
    const { imageSize, trainCrop, splitBy } = resolve(large, { onMissingShard: "skip" });
    assert.deepEqual(
      { imageSize, trainCrop, splitBy },
      { imageSize: 96, trainCrop: "distorted", splitBy: "name" },
    );
    assert.throws(() => resolve(small, { imageSize: 32 }), /images of "own-\d+" are taken as they are/);
    assert.throws(() => resolve(small, { onMissingShard: "skip" }), /is no numbered set of files/);
    assert.throws(() => resolve(large, { labelBase: 1 }), /leaves no choice of where labels begin/);
  });

  it("is opened from the folder given, or its own", async () => {
    const folders: string[] = [];
    const open = (folder: string) => {
      folders.push(folder);
      return { train: part() };
    };
    const name = registered(null, { open });
    await assert.rejects(openDataset(name), /needs dataDir/);
    await openDataset(name, "here");
    await openDataset(registered(null, { open, defaultFolder: { path: "there", install: "" } }));
    assert.deepEqual(folders, ["here", "there"]);
  });
});

describe("what a data set opens as is checked:", () => {
  const files = {
    labels: Int32Array.of(0),
    classes: ["a"],
    locate: () => ({ name: "", path: "" }),
    nameOf: () => "",
  };
  const cases: [unknown, RegExp][] = [
    [{}, /the training part of data own-\d+ is missing/],
    [{ train: files }, /the training part .* is not in memory/],
    [
      { train: part(), test: part([0n, 2n]) },
      /the test part .* has the label 2, but .* its 2 classes count from 0/,
    ],
    [{ train: part([0n, -1n]) }, /has the label -1/],
    [
      { train: { ...part(), labels: tensor([0, 1]) } },
      /has labels of float32 \[2\], but must have int64 \[2\]/,
    ],
    [
      { train: { ...part(), images: tensor([0, 1]) } },
      /has images of float32 \[2\], but must have uint8 \[N, C, H, W\]/,
    ],
  ];
  for (const [opened, message] of cases)
    it(`${message}`, async () => assert.rejects(openDataset(registered(opened), "here"), message));

  it("label maps where the description has none", async () => {
    const name = registered({ train: { ...files, labelTable: [] } }, { images: "in files" });
    await assert.rejects(openDataset(name, "here"), /labelTable where its description has no label maps/);
  });
});

describe("a description that cannot be registered:", () => {
  const good = { name: "good", title: "Good", images: "in memory", open: () => ({ train: part() }) } as const;
  const cases: [object, RegExp][] = [
    [{ ...good, name: "Not Good" }, /must be of small letters, digits and dashes, not "Not Good"/],
    [{ ...good, name: undefined }, /a data set's name must be/],
    [{ ...good, name: "cifar10" }, /a data set named cifar10 exists already/],
    [{ ...good, title: undefined }, /data set good needs a title/],
    [
      { ...good, images: "memory" },
      /images of data set good is "memory", but must be "in memory" or "in files"/,
    ],
    [{ ...good, open: undefined }, /data set good needs a function open/],
  ];
  for (const [description, message] of cases)
    it(`${message}`, () =>
      assert.throws(() => registerDataset(description as typeof good), { message, kind: "usage" }));
});

it("a task that there is not is an error that names those there are", () => {
  assert.throws(
    () => createTask("detection" as "segmentation", []),
    /task is "detection", but must be one of classification, segmentation/,
  );
});

it("an unknown name is an error that names the near one, or all", () => {
  assert.throws(() => datasetNamed("cifar"), /unknown data set cifar; did you mean cifar10\?/);
  assert.throws(() => datasetNamed("zzzzzzzz"), /known are fashion-mnist, idx/);
});
