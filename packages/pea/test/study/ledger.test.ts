import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Result } from "../../src/compare/results.ts";
import { decisiveSettings } from "../../src/recipe/recipe-identity.ts";
import { gridOf } from "../../src/study/grid.ts";
import { Ledger } from "../../src/study/ledger.ts";
import { readStudy, type Study } from "../../src/study/study-file.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const fromRoot = (path: string) => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));

describe("the results in this repository", () => {
  const named = readdirSync(fromRoot("recipes/studies")).map((file) => file.replace(/\.yaml$/, ""));
  const kept = readdirSync(fromRoot("results")).filter((name) => named.includes(name));

  it("are of the studies whose tables the page on results shows", () => {
    const page = readFileSync(fromRoot("results/README.md"), "utf8");
    const shown = named.filter((name) => page.includes(`(${name}/table.md)`));
    assert.deepEqual(kept.toSorted(), shown.toSorted());
    assert.ok(shown.length > 0);
  });

  for (const name of kept)
    it(`are those of the study ${name}, whatever keys have come since`, async () => {
      const grid = gridOf(await readStudy(fromRoot(`recipes/studies/${name}.yaml`)));
      const ledger = new Ledger(fromRoot(`results/${name}`), grid);
      assert.ok(grid.every((cell) => ledger.has(cell)));
      for (const [i, result] of ledger.all().entries()) assert.equal(result.hash, grid[i]?.hash);
    });
});

describe("results of photos trained whole, from before evalCrop", () => {
  const study = (settings: Study["settings"]): Study => ({
    name: "photos",
    settings: { data: "imagefolder", dataDir: "photos", trainCrop: "whole", ...settings },
    networks: [{ name: "resnet18", settings: { model: "resnet18" } }],
    variants: [{ name: "ReLU", settings: {} }],
    seeds: [0],
  });
  const folder = join(temporaryFolder(), "results");
  const [cell] = gridOf(study({}));
  assert.ok(cell);
  const { evalCrop, ...settings } = decisiveSettings(cell.recipe);
  const { network, dataset, variant, seed } = cell;
  const line: Result = {
    ...{ network, dataset, variant, seed, metric: "top1", epochs: [] },
    ...{ test: { best: null, last: 50 }, settings },
  };
  mkdirSync(folder);
  writeFileSync(join(folder, "results.jsonl"), `${JSON.stringify(line)}\n`);

  it("are not mixed with runs that are evaluated on whole images", () => {
    assert.equal(evalCrop, "whole");
    assert.throws(() => new Ledger(folder, gridOf(study({}))), {
      kind: "usage",
      message: /ReLU seed 0 was trained with other settings \(evalCrop: "central" there, "whole" here\)/,
    });
  });
  it("are gone on with where the study says what was in force", () => {
    const grid = gridOf(study({ evalCrop: "central" }));
    assert.ok(grid.every((wanted) => new Ledger(folder, grid).has(wanted)));
  });
});
