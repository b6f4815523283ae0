import assert from "node:assert/strict";
import { readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import sharp from "sharp";
import { cityscapesLabels } from "../../../src/data/formats/cityscapes/labels.ts";
import { openCityscapes } from "../../../src/data/formats/cityscapes/open-cityscapes.ts";
import { DecodePool } from "../../../src/data/loading/decode-pool.ts";
import { StreamingLoader } from "../../../src/data/loading/streaming-loader.ts";
import { unitStatistics } from "../../../src/images/known-statistics.ts";
import { classesOfBytes, classLabels, readLabelTable } from "../../../src/images/label-table.ts";
import { imageName, labelName, plainScene, rgbPng, writeScenes } from "../../support/cityscapes-folder.ts";
import { writeFiles } from "../../support/images.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";

const size = { width: 16, height: 8 };
const PIXELS = 128;

/** Two cities for training, one for validation, one test image without labels. */
async function writeData(): Promise<string> {
  const root = temporaryFolder();
  await writeScenes(root, size, [
    plainScene("train", "ulm_000001_000019", PIXELS, 7),
    plainScene("train", "ulm_000000_000019", PIXELS, 26),
    plainScene("train", "aachen_000002_000019", PIXELS, 24),
    plainScene("val", "lindau_000000_000019", PIXELS, 33),
    { split: "test", key: "bonn_000000_000019", pixels: new Uint8Array(3 * PIXELS) },
  ]);
  return root;
}

const quiet = { warn: () => {} };

describe("the labels of Cityscapes", () => {
  it("have the train ids of the specification", () => {
    // Spec recipes 3.3: the inverse map, trainId → id.
    const ids = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33];
    assert.deepEqual(
      classLabels(cityscapesLabels).map(({ id }) => id),
      ids,
    );
    const classes = classesOfBytes(cityscapesLabels);
    assert.equal(classes.length, 256);
    for (let byte = 0; byte < 256; byte++) {
      const expected = ids.includes(byte) ? ids.indexOf(byte) : byte < 34 ? 255 : -1;
      assert.equal(classes[byte], expected, `byte ${byte}`);
    }
  });
  it("have names and colours", () => {
    const label = (id: number) => cityscapesLabels.find((one) => one.id === id);
    assert.deepEqual(label(24), { id: 24, name: "person", trainId: 11, color: [220, 20, 60] });
    assert.deepEqual(label(33), { id: 33, name: "bicycle", trainId: 18, color: [119, 11, 32] });
    assert.deepEqual(label(16), { id: 16, name: "tunnel", trainId: 255, color: [150, 120, 90] });
  });
});

describe("a folder in the layout of Cityscapes", () => {
  let root: string;
  before(async () => {
    root = await writeData();
  });

  it("pairs images and label maps by city, sequence and frame, in order", async () => {
    const { train, test, unlabelled } = await openCityscapes(root, quiet);
    const keys = ["aachen_000002_000019", "ulm_000000_000019", "ulm_000001_000019"];
    assert.deepEqual(
      [0, 1, 2].map((index) => train.locate(index)),
      keys.map((key) => {
        const image = join(root, imageName("train", key));
        return { name: image, path: image, labelMap: join(root, labelName("train", key)) };
      }),
    );
    assert.equal(train.nameOf(1), "ulm/ulm_000000_000019");
    assert.deepEqual([...train.labels], [0, 1, 1]);
    assert.equal(train.classes.length, 19);
    assert.equal(test.labels.length, 1);
    assert.equal(unlabelled?.labels.length, 1);
    assert.equal(unlabelled?.locate(0).labelMap, undefined);
  });
  it("warns where it holds another number of images than was published, unless it has labels of its own", async () => {
    const warnings: string[] = [];
    await openCityscapes(root, { warn: (message) => warnings.push(message) });
    assert.equal(warnings.length, 2);
    assert.match(
      warnings[0] as string,
      /leftImg8bit\/train holds another number of images than Cityscapes, 3 and not 2975/,
    );
    assert.match(
      warnings[1] as string,
      /leftImg8bit\/val holds another number of images than Cityscapes, 1 and not 500/,
    );
    const table = [
      { id: 7, name: "ground", trainId: 0, color: [1, 2, 3] },
      { id: 26, name: "thing", trainId: 1, color: [4, 5, 6] },
      { id: 24, name: "thing too", trainId: 1, color: [7, 8, 9] },
      { id: 33, name: "else", trainId: 255, color: [0, 0, 0] },
    ];
    writeFiles(root, { "labels.json": JSON.stringify(table) });
    warnings.length = 0;
    const { train } = await openCityscapes(root, { warn: (message) => warnings.push(message) });
    assert.deepEqual([train.classes, warnings], [["ground", "thing"], []]);
    rmSync(join(root, "labels.json"));
  });
  it("needs no test images", async () => {
    renameSync(join(root, "leftImg8bit/test"), join(root, "elsewhere"));
    assert.equal((await openCityscapes(root, quiet)).unlabelled, null);
    renameSync(join(root, "elsewhere"), join(root, "leftImg8bit/test"));
  });
});

describe("opening such a folder refuses", () => {
  /** What is said of a folder in which something was changed. */
  const refusal = async (change: (root: string) => void): Promise<string> => {
    const root = await writeData();
    change(root);
    const error = await openCityscapes(root, quiet).then(
      () => assert.fail("it opened"),
      (problem: unknown) => problem as Error & { kind: string },
    );
    assert.deepEqual([error.name, error.kind], ["PeaError", "usage"]);
    return error.message;
  };
  const ulm = "ulm_000000_000019";

  it("an image without label map, and names the file that is missing", async () => {
    assert.match(
      await refusal((root) => rmSync(join(root, labelName("train", ulm)))),
      /split train: images without label map \(1\); missing in gtFine\/train: ulm\/ulm_000000_000019_gtFine_labelIds\.png/,
    );
  });
  it("a label map without image", async () => {
    assert.match(
      await refusal((root) => rmSync(join(root, imageName("train", ulm)))),
      /split train: label maps without image \(1\); missing in leftImg8bit\/train: ulm\/ulm_000000_000019_leftImg8bit\.png/,
    );
  });
  it("images that only a sorted list would pair", async () => {
    assert.match(
      await refusal((root) =>
        renameSync(join(root, labelName("train", ulm)), join(root, labelName("train", "ulm_000000_000020"))),
      ),
      /missing in gtFine\/train: ulm\/ulm_000000_000019_/,
    );
  });
  it("images of another name", async () => {
    assert.match(
      await refusal((root) =>
        renameSync(join(root, imageName("train", ulm)), join(root, "leftImg8bit/train/ulm/a.png")),
      ),
      /ulm\/a\.png is not named like ulm_000000_000019_leftImg8bit\.png/,
    );
  });
  it("a folder without the parts", async () => {
    assert.match(
      await refusal((root) => rmSync(join(root, "gtFine"), { recursive: true })),
      /cannot read .*gtFine\/train/,
    );
    assert.match(
      await refusal((root) => rmSync(join(root, "leftImg8bit/train/ulm"), { recursive: true })),
      /label maps without image \(2\)/,
    );
    assert.match(
      await refusal((root) => {
        for (const city of readdirSync(join(root, "leftImg8bit/val")))
          rmSync(join(root, "leftImg8bit/val", city), { recursive: true });
      }),
      /leftImg8bit\/val holds no folder with files that end in _leftImg8bit\.png.*--data-dir/,
    );
  });
  it("labels.json that is no table of labels", async () => {
    const label = { id: 7, name: "road", trainId: 0, color: [1, 2, 3] };
    for (const [content, problem] of [
      ["{", /labels\.json is no table of labels/],
      [JSON.stringify([{ ...label, id: 256 }]), /0\.id/],
      [JSON.stringify([label, label]), /the id 7 twice/],
      [JSON.stringify([label, { ...label, id: 8, trainId: 1 }]), /two classes are named "road"/],
      [JSON.stringify([{ ...label, trainId: 1 }]), /from 0 without a gap, but 0 is missing/],
    ] as const)
      assert.match(await refusal((root) => writeFiles(root, { "labels.json": content })), problem);
    const path = join(temporaryFolder(), "labels.json");
    assert.throws(() => readLabelTable(path), { kind: "usage" });
  });
});

describe("a label map that is none", () => {
  const cases: Record<string, [make: () => Promise<Buffer>, reason: RegExp]> = {
    "with a value that is no label": [
      async () =>
        sharp(new Uint8Array(PIXELS).fill(34), { raw: { ...size, channels: 1 } })
          .toColourspace("b-w")
          .png()
          .toBuffer(),
      /it holds the value 34, which is no label/,
    ],
    "in colours": [() => rgbPng(size.width, size.height, new Uint8Array(3 * PIXELS)), /3 channels of 8 bits/],
    "of 16 bits": [
      async () =>
        sharp(new Uint16Array(PIXELS), { raw: { ...size, channels: 1 } })
          .toColourspace("grey16")
          .png()
          .toBuffer(),
      /1 channels of 16 bits/,
    ],
    "of another size": [
      async () =>
        sharp(new Uint8Array(64), { raw: { width: 8, height: 8, channels: 1 } })
          .toColourspace("b-w")
          .png()
          .toBuffer(),
      /it has 8×8 pixels, but its image 8×16/,
    ],
    "that is empty": [async () => Buffer.alloc(0), /it is empty/],
  };
  for (const [name, [make, reason]] of Object.entries(cases))
    it(`${name} is named and skipped, or fatal`, async () => {
      const root = await writeData();
      const key = "ulm_000000_000019";
      writeFiles(root, { [labelName("train", key)]: await make() });
      const { train } = await openCityscapes(root, quiet);
      const pool = new DecodePool({ workers: 1 });
      const loader = (onBadSample: "fail" | "skip") =>
        new StreamingLoader(train, { batchSize: 3, pool, size, statistics: unitStatistics, onBadSample });
      await assert.rejects(
        async () => {
          for await (const _ of loader("fail").batches());
        },
        ({ message }: Error) => {
          assert.match(message, reason);
          assert.ok(message.includes(labelName("train", key)), message);
          assert.ok(message.includes(imageName("train", key)), message);
          return true;
        },
      );
      const skipping = loader("skip");
      for await (const { images, labels, indices } of skipping.batches()) {
        // What is left moves up, images and label maps alike.
        assert.deepEqual(images.shape, [2, 3, 8, 16]);
        assert.deepEqual([...indices], [0, 2]);
        const classes = Array.from(labels.toTypedArray() as BigInt64Array, Number);
        assert.deepEqual([...new Set(classes.slice(0, PIXELS))], [11]);
        assert.deepEqual([...new Set(classes.slice(PIXELS))], [0]);
      }
      assert.equal(skipping.skipped.size, 1);
      await pool.close();
    });
});
