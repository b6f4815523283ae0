/** `pea eval` opens what it scores: of data with a test part of their own that part alone. */
import "../support/one-thread.ts";
import assert from "node:assert/strict";
import { cpSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { train } from "pea-train";
import { peaHere } from "../support/pea-main.ts";
import { writePhotos } from "../support/photos.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const folder = temporaryFolder();
const photos = join(folder, "photos");
const run = join(folder, "run");

before(async () => {
  const recipe = await writePhotos(photos);
  await train(
    { ...recipe, valFraction: 0.25, expected: { train: 8, test: 8, classes: 2 }, batchSize: 3 },
    { runDirectory: run },
  );
});

/** Its document, and what it notes beside. */
async function evaluated(...words: string[]) {
  const { code, stdout, stderr } = await peaHere("eval", run, "--json", ...words);
  assert.equal(code, 0, stderr);
  return { ...JSON.parse(stdout), notes: stderr };
}

test("the test part is scored without the training images, as with them", async () => {
  const whole = await evaluated();
  renameSync(join(photos, "train"), join(folder, "elsewhere"));
  const alone = await evaluated();
  assert.deepEqual(alone, whole);
  assert.deepEqual([alone.images, alone.notes], [8, ""]);
  const { code, stderr } = await peaHere("eval", run, "--part", "validation");
  assert.deepEqual([code, /has no training part/.test(stderr)], [2, true], stderr);
  renameSync(join(folder, "elsewhere"), join(photos, "train"));
});

test("an image among them that was trained on is still seen", async () => {
  const [trained, scored] = [join(photos, "train/cat"), join(photos, "val/cat")];
  rmSync(scored, { recursive: true });
  cpSync(trained, scored, { recursive: true });
  const { code, stderr } = await peaHere("eval", run);
  assert.equal(code, 2);
  assert.match(stderr, /of the 8 test images were trained on by /);
  assert.match(stderr, /4 images are gone \(4 test\), .*moved from training to test/);
});

test("as many of them as the recipe expects must be there", async () => {
  rmSync(join(photos, "val/dog/0.jpg"));
  const { code, stderr } = await peaHere("eval", run, "--allow-changed-data");
  assert.deepEqual(
    [
      code,
      /the recipe expects 8 test images \(expected\.test\), but the imagefolder data have 7;/.test(stderr),
    ],
    [2, true],
    stderr,
  );
});
