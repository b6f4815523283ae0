import "../support/one-thread.ts";
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { exportRun, train } from "pea-train";
import { writePhotos } from "../support/photos.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const folder = temporaryFolder();
const photos = join(folder, "photos");
const run = join(folder, "run");

before(async () => {
  const recipe = await writePhotos(photos);
  await train({ ...recipe, valFraction: 0, batchSize: 4 }, { runDirectory: run });
});

test("a run is exported, and verified on its test images, without its training images", async () => {
  rmSync(join(photos, "train"), { recursive: true });
  const { images, file } = await exportRun(run);
  assert.deepEqual([images, file], [8, join(run, "model.onnx")]);
});
