import "../support/one-thread.ts";
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { exportRun, train } from "pea-train";
import { noiseImage, writeFiles } from "../support/images.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const folder = temporaryFolder();
const photos = join(folder, "photos");
const run = join(folder, "run");

before(async () => {
  const names = ["train", "val"].flatMap((part) =>
    ["cat", "dog"].flatMap((label) => [0, 1, 2, 3].map((i) => `${part}/${label}/${i}.jpg`)),
  );
  const images = await Promise.all(names.map((_, i) => noiseImage(i, 16, 16)));
  writeFiles(photos, Object.fromEntries(names.map((name, i) => [name, images[i] as Buffer])));
  const recipe = {
    model: "mobilenet-0.02-small",
    data: "imagefolder",
    dataDir: photos,
    imageSize: 16,
    valFraction: 0,
    epochs: 1,
    batchSize: 4,
  };
  await train(recipe, { runDirectory: run });
});

test("a run is exported, and verified on its test images, without its training images", async () => {
  rmSync(join(photos, "train"), { recursive: true });
  const { images, file } = await exportRun(run);
  assert.deepEqual([images, file], [8, join(run, "model.onnx")]);
});
