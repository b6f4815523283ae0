import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type DemoOptions, type DemoScale, runDemo } from "../../src/demo/demo.ts";
import { formatSummary } from "../../src/demo/table.ts";
import { TrainingInterrupted } from "../../src/train/trainer.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

const dataDir = writeTinyData();
const directory = temporaryFolder();
after(() => {
  for (const path of [dataDir, directory]) rmSync(path, { recursive: true });
});

// The demo's own learning rate is too high for a run of 24 steps: the logits grow to hundreds, and float32 then rounds
// by more than the verification allows.
const scale: DemoScale = {
  name: "tiny",
  seeds: [0, 1],
  recipe: { epochs: 4, batchSize: 32, lr: 0.05, dataDir, threads: 1 },
};

/** Runs the demo and counts the training steps that were done. */
async function demo(options: Partial<DemoOptions> = {}) {
  const counted = { steps: 0 };
  const observe = () => ({ onStep: () => void counted.steps++ });
  const summary = await runDemo({ scale, directory, log: () => {}, observe, ...options });
  return { summary, counted };
}

describe("the demo", () => {
  test("stops when told to, goes on where it stopped, and trains nothing twice", async () => {
    const controller = new AbortController();
    let steps = 0;
    const observe = () => ({ onStep: () => void (++steps === 30 && controller.abort("SIGINT")) });
    await assert.rejects(demo({ signal: controller.signal, observe }), TrainingInterrupted);

    const stepsInAll = scale.seeds.length * 2 * 4 * 6;
    const second = await demo();
    assert.equal(second.counted.steps, stepsInAll - 30);
    const third = await demo();
    assert.equal(third.counted.steps, 0);
    assert.deepEqual(
      third.summary.runs.map(({ testAccuracy }) => testAccuracy),
      second.summary.runs.map(({ testAccuracy }) => testAccuracy),
    );
  });

  test("compares ReLU and PEA with the same seeds and settings", async () => {
    const { summary } = await demo();
    assert.deepEqual(
      summary.runs.map(({ variant, seed }) => [variant, seed]),
      [
        ["ReLU", 0],
        ["SM75%", 0],
        ["ReLU", 1],
        ["SM75%", 1],
      ],
    );
    assert.deepEqual(summary.comparison.seeds, [0, 1]);
    for (const run of summary.runs) {
      assert.equal(run.export.operators.Relu, 27);
      assert.ok(run.export.largestDifference <= 1e-4);
      assert.ok(run.latency.oneThread.milliseconds > 0);
    }
  });

  test("leaves summary.json and a report beside the runs", async () => {
    const { summary } = await demo();
    assert.deepEqual(
      JSON.parse(readFileSync(join(directory, "summary.json"), "utf8")),
      JSON.parse(JSON.stringify(summary)),
    );
    assert.ok(readFileSync(summary.report, "utf8").includes(summary.verdict));
  });

  test("prints a table with the spread over seeds", async () => {
    const table = formatSummary((await demo()).summary);
    assert.match(table, /test accuracy\s+│ \d+\.\d+ ± \d+\.\d+ %\s+│ \d+\.\d+ ± \d+\.\d+ %/);
    assert.match(table, /difference, points\s+│\s+│ [+−]\d+\.\d+ ± \d+\.\d+/);
    assert.match(table, /only activation Relu\s+│ yes, 27 nodes/);
  });

  test("trains anew with other settings", async () => {
    const { counted } = await demo({
      scale: { ...scale, seeds: [0], recipe: { ...scale.recipe, epochs: 5 } },
    });
    assert.equal(counted.steps, 2 * 5 * 6);
  });
});

test("a flag the demo does not know ends it with 2 before it has done anything", () => {
  const main = fileURLToPath(new URL("../../src/demo/main.ts", import.meta.url));
  const node = ["--conditions=pea-source", "--import", "tsx", main];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...node, "--fast"], { encoding: "utf8" });
  assert.equal(status, 2, stderr);
  assert.match(stderr, /^demo: Unknown option '--fast'.*; the demo knows --full alone$/m);
  assert.equal(stdout, "");
});
