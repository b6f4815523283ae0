import assert from "node:assert/strict";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, it } from "node:test";
import { readResults } from "../../src/compare/results.ts";
import { plainImage, writeFiles } from "../support/images.ts";
import { peaHere } from "../support/pea-main.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const folder = temporaryFolder();
const dataDir = join(folder, "photos");

before(async () => {
  // No two of one length: noise would do, but so does the size.
  for (const [part, count] of [
    ["train", 20],
    ["test", 4],
  ] as const)
    for (const [label, name] of ["dark", "light"].entries())
      for (let i = 0; i < count; i++)
        writeFiles(dataDir, {
          [`${part}/${name}/${part}${i}.png`]: await plainImage(60 + 100 * label, 16 + i),
        });
});

function study(seeds: readonly number[], ...flags: string[]) {
  const config = join(folder, "photos.yaml");
  writeFileSync(
    config,
    `settings: {data: imagefolder, dataDir: ${dataDir}, imageSize: 16, epochs: 1, batchSize: 8, valFraction: 0.2, threads: 1}
networks: [mobilenet-0.02-small]
variants: [ReLU]
seeds: [${seeds}]
`,
  );
  const words = ["study", "-c", config, "--output", join(folder, "results"), "--runs", join(folder, "runs")];
  return peaHere(...words, ...flags);
}

it("a study that goes on after its data have changed says so, in its table too, and refuses test images trained on", async () => {
  const first = await study([0]);
  assert.equal(first.code, 0, first.stderr);
  assert.doesNotMatch(first.stderr, /data/);

  rmSync(join(dataDir, "train/dark/train7.png"));
  const second = await study([0, 1]);
  assert.equal(second.code, 0, second.stderr);
  assert.match(
    second.stderr,
    /1 of the 1 runs that have begun were trained on other data than there are now/,
  );
  assert.match(second.stderr, /the data have changed since .*seed0-\w+ began: 1 image is gone/);
  const digests = readResults(join(folder, "results")).map(({ dataDigest }) => dataDigest);
  assert.equal(new Set(digests).size, 2);
  for (const digest of digests) assert.match(digest ?? "", /^[0-9a-f]{16}$/);
  assert.match(
    readFileSync(join(folder, "results/table.md"), "utf8"),
    /\*\*The data changed while the runs were trained\.\*\*/,
  );

  const moved = "light/train3.png";
  renameSync(join(dataDir, "train", moved), join(dataDir, "test", moved));
  const refused = await study([0, 1, 2]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /1 of the 9 test images were trained on by .*test\/light\/train3\.png/);
  assert.equal(readResults(join(folder, "results")).length, 2);
  const allowed = await study([0, 1, 2], "--allow-changed-data");
  assert.equal(allowed.code, 0, allowed.stderr);
  assert.equal(readResults(join(folder, "results")).length, 3);
});
