import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import sharp from "sharp";
import { cityscapesLabels } from "../../src/data/formats/cityscapes/labels.ts";
import { exportRun } from "../../src/export/export.ts";
import { train } from "../../src/train/train.ts";
import { noiseImage, writeFiles } from "../support/images.ts";
import { peaHere } from "../support/pea-main.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const [width, height] = [64, 32];

/** Noise, darker on the left, where it is road, than on the right, where it is sky. */
async function writeScenes(): Promise<string> {
  const root = temporaryFolder();
  const labels = new Uint8Array(width * height).map((_, i) => (i % width < width / 2 ? 7 : 23));
  const map = await sharp(labels, { raw: { width, height, channels: 1 } })
    .toColourspace("b-w")
    .png()
    .toBuffer();
  const shade = await sharp({ create: { width: width / 2, height, channels: 3, background: "#000" } })
    .png()
    .toBuffer();
  for (const [split, count] of [
    ["train", 12],
    ["val", 4],
  ] as const)
    for (let i = 0; i < count; i++) {
      const name = `${split}/town/town_000000_${String(i).padStart(6, "0")}`;
      const image = await sharp(await noiseImage(i, width, height))
        .composite([{ input: shade, left: 0, top: 0 }])
        .png()
        .toBuffer();
      writeFiles(root, {
        [`leftImg8bit/${name}_leftImg8bit.png`]: image,
        [`gtFine/${name}_gtFine_labelIds.png`]: map,
      });
    }
  writeFiles(root, { "labels.json": JSON.stringify(cityscapesLabels) });
  return root;
}

describe("a network for segmentation, asked for label maps", () => {
  const folder = temporaryFolder();
  const run = join(folder, "run");
  let images: string;

  before(async () => {
    const dataDir = await writeScenes();
    images = join(dataDir, "leftImg8bit/val");
    const network = { model: "erfnet-segmentation-0.25", imageSize: "16x32", data: "cityscapes" } as const;
    await train(
      { ...network, dataDir, epochs: 8, batchSize: 4, lr: 0.01, valFraction: 0, threads: 1 },
      { runDirectory: run },
    );
    await exportRun(run);
  });

  const read = (...path: string[]) => readFileSync(join(folder, ...path));

  test("writes, byte for byte, what pea eval writes", async () => {
    const evaluated = await peaHere("eval", run, "--output", join(folder, "evaluated"));
    assert.equal(evaluated.code, 0, evaluated.stderr);
    const { code, stdout, stderr } = await peaHere(
      "predict",
      run,
      images,
      "-o",
      join(folder, "asked"),
      "--json",
    );
    assert.equal(code, 0, stderr);
    for (const kind of ["labels", "overlays"]) {
      const names = readdirSync(join(folder, "evaluated", kind));
      assert.deepEqual(readdirSync(join(folder, "asked", kind)), names);
      assert.equal(names.length, 4);
      for (const name of names)
        assert.ok(read("evaluated", kind, name).equals(read("asked", kind, name)), `${kind}/${name}`);
    }
    const [first] = JSON.parse(stdout).predictions;
    assert.equal(first.labels, join(folder, "asked/labels/town_000000_000000_labelIds.png"));
    assert.deepEqual(
      [(await sharp(first.labels).metadata()).width, (await sharp(first.overlay).metadata()).height],
      [width, height],
    );
  });

  test("answers the same from the exported file", async () => {
    const file = join(run, "model.onnx");
    const { code, stderr } = await peaHere("predict", file, images, "-o", join(folder, "deployed"));
    assert.equal(code, 0, stderr);
    for (const name of readdirSync(join(folder, "asked/labels"))) {
      const [a, b] = await Promise.all(
        ["asked", "deployed"].map((source) =>
          sharp(read(source, "labels", name))
            .raw()
            .toBuffer(),
        ),
      );
      const different = a?.filter((label, i) => label !== b?.[i]).length;
      // Only where two classes are as good as equal.
      assert.ok(Number(different) <= 2, `${different} pixels of ${name}`);
    }
  });

  test("refuses options of classification, no place to write to, and answers of one name", async () => {
    const one = join(images, "town/town_000000_000000_leftImg8bit.png");
    for (const [words, message] of [
      [[one], /say where to write them with --output DIR/],
      [[one, "-o", join(folder, "x"), "--top-k", "3"], /leave --top-k out/],
      [[one, one, "-o", join(folder, "x")], /would have one name/],
    ] as const) {
      const { code, stderr } = await peaHere("predict", run, ...words);
      assert.deepEqual([code, message.test(stderr)], [2, true], stderr);
    }
  });
});
