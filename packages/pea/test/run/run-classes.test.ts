import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { disposeRun } from "../../src/run/prepare-run.ts";
import { openTrainedRun } from "../../src/run/trained-run.ts";
import { train } from "../../src/train/train.ts";
import { smallRecipe } from "../support/small-recipe.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

describe("a run whose classes were numbers", () => {
  const dataDir = writeTinyData();
  const runDirectory = join(temporaryFolder(), "run");
  const names = Array.from("abcdefghij");
  const list = (classes: readonly string[]) =>
    writeFileSync(join(dataDir, "classes.txt"), classes.join("\n"));
  before(async () => {
    await train({ ...smallRecipe, data: "idx", dataDir, pea: "none", epochs: 1 }, { runDirectory });
  });

  it("knows them again when they have got names", async () => {
    list(names);
    const run = await openTrainedRun(runDirectory);
    assert.deepEqual(run.data.classes, names);
    disposeRun(run);
  });
  it("refuses data of another number of classes", async () => {
    list([...names, "k"]);
    await assert.rejects(openTrainedRun(runDirectory), {
      kind: "usage",
      message: /have not the classes that the run was trained on/,
    });
  });
});
