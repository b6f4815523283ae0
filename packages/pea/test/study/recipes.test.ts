import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { readResults } from "../../src/compare/results.ts";
import { baselineName } from "../../src/methods/variant-name.ts";
import { gridOf } from "../../src/study/grid.ts";
import { readStudy } from "../../src/study/study-file.ts";
import { pea } from "../support/pea-process.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const folder = fileURLToPath(new URL("../../../../recipes/studies", import.meta.url));

describe("the studies in recipes/studies", () => {
  for (const name of readdirSync(folder).filter((name) => name.endsWith(".yaml")))
    it(`${name} can be read, bears its name and holds a baseline to compare with`, async () => {
      const study = await readStudy(join(folder, name));
      assert.equal(`${study.name}.yaml`, name);
      const cells = gridOf(study);
      assert.ok(cells.some(({ variant }) => variant === baselineName));
      assert.ok(cells.length > study.networks.length * study.seeds.length);
    });
});

it("the smallest of them trains on Fashion-MNIST and leaves results and comparisons", async () => {
  const output = temporaryFolder();
  const { code, stdout, stderr } = await pea(
    "study",
    "-c",
    join(folder, "smoke.yaml"),
    "--output",
    output,
    "--runs",
    temporaryFolder(),
  );
  assert.equal(code, 0, stderr);
  assert.match(stdout, /4 of 4 runs done, 4 of them now/);
  assert.match(stdout, new RegExp(`results: .*${basename(output)}`));
  const results = readResults(output);
  assert.equal(results.length, 4);
  // Guessing gives 10 %.
  for (const { test } of results) assert.ok(test.last > 20, `${test.last} %`);
});
