import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { type DiagnosticsRow, readDiagnostics } from "../../src/diagnose/index.ts";
import type { RecipeInput } from "../../src/recipe/recipe.ts";
import { readMetrics } from "../../src/run/metrics.ts";
import type { TrainResult } from "../../src/run/result.ts";
import { train } from "../../src/train/train.ts";
import { fingerprint, trainInParts } from "../support/run-in-parts.ts";
import { smallRecipe } from "../support/small-recipe.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const recipe: RecipeInput = { ...smallRecipe, logEverySteps: 4 };

const path = ({ runDirectory }: TrainResult) => join(runDirectory, "diagnostics.jsonl");
const trainAnew = (settings: RecipeInput) =>
  train(settings, { runDirectory: join(temporaryFolder(), "run") });

describe("a run that is diagnosed", () => {
  let plain: TrainResult;
  let diagnosed: TrainResult;
  let rows: DiagnosticsRow[];
  before(async () => {
    plain = await trainAnew(recipe);
    diagnosed = await trainAnew({ ...recipe, diagnose: true });
    rows = readDiagnostics(path(diagnosed));
  });

  it("has the weights, the random state, the metrics and the scores of one that is not", () => {
    assert.deepEqual(fingerprint(diagnosed.runDirectory), fingerprint(plain.runDirectory));
    assert.deepEqual([diagnosed.last, diagnosed.best], [plain.last, plain.best]);
    assert.equal(existsSync(path(plain)), false);
  });

  it("has a row for each line of training metrics, with its α", () => {
    const lines = readMetrics(join(diagnosed.runDirectory, "metrics.jsonl")).filter(
      ({ kind }) => kind === "interval",
    );
    assert.deepEqual(
      rows.map(({ step, epoch, phase, alpha }) => ({ step, epoch, phase, alpha: alpha?.toFixed(5) })),
      lines.map(({ step, epoch, phase, alpha }) => ({ step, epoch, phase, alpha: Number(alpha).toFixed(5) })),
    );
    assert.deepEqual(
      rows.map(({ step }) => step),
      [4, 6, 8, 12, 16, 18],
    );
  });

  it("looks at the network as it is deployed too, until it is that", () => {
    assert.deepEqual(
      rows.map(({ views }) => Object.keys(views)),
      [...Array(3).fill(["current", "deployed"]), ...Array(3).fill(["current"])],
    );
    const [first] = rows as [DiagnosticsRow];
    assert.deepEqual(
      first.views.current.sites.map((site) => site.path),
      ["relu1", "relu2"],
    );
    assert.deepEqual(
      first.views.current.norms.map((norm) => norm.path),
      ["bn1"],
    );
    // What enters the first site does not depend on its activation, what enters the second does.
    const [current, deployed] = [first.views.current.sites, first.views.deployed?.sites ?? []];
    assert.deepEqual(deployed[0], current[0]);
    assert.notDeepEqual(deployed[1], current[1]);
  });

  it("records the gradients of the last step", () => {
    for (const { gradients } of rows) {
      assert.deepEqual(Object.keys(gradients.modules), ["conv1", "bn1", "conv2", "fc"]);
      assert.ok(gradients.global > 0);
    }
  });

  for (const steps of [[4], [5], [3, 13]])
    it(`and was stopped after ${steps} has the rows of the whole run`, async () => {
      const parted = await trainInParts({ ...recipe, diagnose: true }, steps);
      assert.deepEqual(readDiagnostics(path(parted)), rows);
      assert.deepEqual(fingerprint(parted.runDirectory), fingerprint(plain.runDirectory));
    });

  it("is read up to a line that a killed process left unfinished, and not if one is damaged", () => {
    const file = join(temporaryFolder(), "diagnostics.jsonl");
    const text = readFileSync(path(diagnosed), "utf8");
    writeFileSync(file, text.slice(0, -10));
    assert.deepEqual(readDiagnostics(file), rows.slice(0, -1));
    writeFileSync(file, text.replace('"views"', '"sights"'));
    assert.throws(() => readDiagnostics(file), /diagnostics\.jsonl, line 1 is not a row of diagnostics/);
  });
});

it("cannot be without validation images", async () => {
  await assert.rejects(trainAnew({ ...recipe, diagnose: true, valFraction: 0 }), {
    kind: "usage",
    message: /diagnose looks at validation images/,
  });
});
