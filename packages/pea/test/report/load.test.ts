import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { memoryStats } from "@pea/torch";
import { loadReportRun } from "../../src/report/load-run.ts";
import type { TrainResult } from "../../src/run/result.ts";
import { openRunDirectory } from "../../src/run/run-directory.ts";
import { train } from "../../src/train/train.ts";
import { TrainingInterrupted } from "../../src/train/trainer.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

const dataDir = writeTinyData();
const folder = temporaryFolder();
after(() => {
  for (const path of [dataDir, folder]) rmSync(path, { recursive: true });
});

const recipe = {
  model: "mobilenet-0.02-small",
  dataDir,
  pea: "SM50%",
  epochs: 4,
  batchSize: 32,
  lr: 0.05,
  threads: 1,
};
const phases = [
  { name: "initial", firstEpoch: 0, endEpoch: 1 / 6 },
  { name: "transition", firstEpoch: 1 / 6, endEpoch: 2 },
  { name: "final", firstEpoch: 2, endEpoch: 4 },
];

/** Bytes of the tensors made by `read` that are still alive; below 0 where older ones were collected meanwhile. */
async function bytesLeft(read: () => Promise<unknown>): Promise<number> {
  const { bytes } = memoryStats();
  await read();
  return memoryStats().bytes - bytes;
}

describe("a finished run", () => {
  const path = join(folder, "finished");
  let result: TrainResult;
  before(async () => {
    result = await train({ ...recipe, diagnose: true }, { runDirectory: path });
  });

  test("has its phases, its score on the test images and the time of its training", async () => {
    const run = await loadReportRun(path);
    assert.equal(run.name, "finished");
    assert.equal(run.network, "mobilenet-0.02-small");
    assert.equal(run.dataset, "fashion-mnist");
    assert.equal(run.metric, "top1");
    assert.equal(run.variant, "SM50%");
    assert.deepEqual(run.phases, phases);
    assert.deepEqual(run.test, {
      best: result.best?.test.top1,
      last: result.last.test.top1,
      images: 60,
    });
    assert.equal(run.seconds, result.seconds);
    assert.deepEqual(
      run.epochs.map(({ epoch }) => epoch),
      [1, 2, 3, 4],
    );
  });

  test("has its diagnostics, one record for each line of training metrics", async () => {
    const { diagnostics = [] } = await loadReportRun(path);
    assert.deepEqual(
      diagnostics.map(({ epoch }) => epoch),
      [1, 2, 3, 4],
    );
  });

  test("is shown without its data", async () => {
    const config = openRunDirectory(path).config;
    const text = readFileSync(config, "utf8");
    writeFileSync(config, text.replaceAll(dataDir, join(folder, "moved")));
    assert.equal((await loadReportRun(path)).settings.dataDir, join(folder, "moved"));
    writeFileSync(config, text);
  });

  test("with a damaged result is refused, naming the file", async () => {
    const file = openRunDirectory(path).result;
    writeFileSync(file, "{");
    await assert.rejects(loadReportRun(path), /cannot read .*result\.json/);
  });
});

describe("a stopped run", () => {
  const path = join(folder, "stopped");
  before(async () => {
    const controller = new AbortController();
    const observe = () => ({ onStep: (step: number) => void (step === 14 && controller.abort("SIGINT")) });
    const options = { runDirectory: path, signal: controller.signal, observe };
    await assert.rejects(train(recipe, options), TrainingInterrupted);
  });

  test("has the phases it would have, the epochs it has done, and no score", async () => {
    const run = await loadReportRun(path);
    assert.deepEqual(run.phases, phases);
    assert.equal(run.epochs.length, 2);
    assert.equal(run.test, null);
    assert.ok((run.seconds as number) > 0);
  });

  test("leaves no tensor behind", async () => {
    assert.ok((await bytesLeft(() => loadReportRun(path))) <= 0);
  });
});
