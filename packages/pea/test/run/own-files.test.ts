// Files that a run goes on with are not replaced by what is named like them.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { exportRun } from "../../src/export/export.ts";
import { writeReport } from "../../src/report/report.ts";
import { requireNoFileOfRun } from "../../src/run/own-files.ts";
import { train } from "../../src/train/train.ts";
import { fingerprint } from "../support/run-in-parts.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";
import { usage } from "../support/usage-error.ts";

describe("a file of a run itself", () => {
  const folder = join(temporaryFolder(), "run");
  mkdirSync(join(folder, "checkpoints"), { recursive: true });

  for (const name of ["config.yaml", "result.json", "checkpoints/last.safetensors", "checkpoints/new.onnx"])
    it(`is ${name}`, () =>
      assert.throws(
        () => requireNoFileOfRun(join(folder, name)),
        usage(/ is a file of the run in .*run itself; name another one$/),
      ));

  for (const name of ["model.onnx", "other.onnx", "report.html", "../config.yaml"])
    it(`is not ${name}`, () => requireNoFileOfRun(join(folder, name)));

  it("is neither an export nor a report", async () => {
    const dataDir = writeTinyData({ train: 96, test: 30 });
    const recipe = {
      model: "resnet8",
      dataDir,
      valFraction: 0,
      epochs: 1,
      batchSize: 32,
      pea: "none",
      threads: 1,
    };
    const { runDirectory } = await train(recipe, { runDirectory: join(temporaryFolder(), "run") });
    const before = fingerprint(runDirectory);
    const checkpoint = join(runDirectory, "checkpoints/last.safetensors");
    await assert.rejects(exportRun(runDirectory, { out: checkpoint }), usage(/itself; name another one$/));
    const config = join(runDirectory, "config.yaml");
    await assert.rejects(writeReport([runDirectory], config), usage(/itself; name another one$/));
    assert.deepEqual(fingerprint(runDirectory), before);
  });
});
