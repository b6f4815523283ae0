import assert from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import sharp from "sharp";
import { parse, stringify } from "yaml";
import { exportRun } from "../../src/export/export.ts";
import { openPredictor } from "../../src/predict/predictor.ts";
import { formerSettings, settingsInForce } from "../../src/recipe/older-runs.ts";
import type { RecipeInput } from "../../src/recipe/recipe.ts";
import { disposeRun } from "../../src/run/prepare-run.ts";
import { openTrainedRun } from "../../src/run/trained-run.ts";
import { resumeTraining, train } from "../../src/train/train.ts";
import { noiseImage, writeFiles } from "../support/images.ts";
import { peaHere } from "../support/pea-main.ts";
import { fingerprint } from "../support/run-in-parts.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

describe("settings from before their keys came", () => {
  it("are those that were in force, for the data they concern", () => {
    const { evalCrop, exifOrientation } = settingsInForce({ data: "imagefolder", trainCrop: "whole" });
    assert.deepEqual([evalCrop, exifOrientation], ["central", false]);
    assert.equal(settingsInForce({ data: "cityscapes" }).evalCrop, undefined);
    assert.equal(settingsInForce({ data: "cityscapes" }).exifOrientation, false);
    assert.deepEqual(formerSettings("fashion-mnist"), {});
  });
  it("are without onBadSample for data read whole, of which it once was taken", () => {
    assert.equal(settingsInForce({ data: "idx", onBadSample: "skip" }).onBadSample, undefined);
    assert.equal(settingsInForce({ data: "tfrecord", onBadSample: "skip" }).onBadSample, "skip");
  });
  it("stand back behind those that were recorded", () => {
    const recorded = { data: "imagefolder", evalCrop: 256, exifOrientation: true };
    assert.deepEqual({ ...settingsInForce(recorded), ...recorded }, settingsInForce(recorded));
  });
});

describe("a run of photos from before evalCrop and exifOrientation", () => {
  const folder = temporaryFolder();
  const dataDir = join(folder, "photos");
  const recipe: RecipeInput = {
    ...{ model: "mobilenet-0.02-small", data: "imagefolder", dataDir, imageSize: 24, trainCrop: "whole" },
    ...{ epochs: 2, batchSize: 3, lr: 0.01, valFraction: 0, threads: 1 },
  };
  const asThen = { ...recipe, evalCrop: "central", exifOrientation: false } as const;
  const older = join(folder, "older");

  before(async () => {
    for (let i = 0; i < 10; i++) {
      const turned = await sharp(await noiseImage(i, 40 + i, 60 - i))
        .withMetadata({ orientation: 1 + (i % 8) })
        .jpeg()
        .toBuffer();
      writeFiles(dataDir, { [`${i < 6 ? "train" : "val"}/${i % 2 ? "a" : "b"}/${i}.jpg`]: turned });
    }
    const stop = new AbortController();
    const observe = () => ({ onStep: () => stop.abort("test") });
    await assert.rejects(train(asThen, { runDirectory: older, signal: stop.signal, observe }));
    const path = join(older, "config.yaml");
    const document = parse(readFileSync(path, "utf8"));
    for (const key of ["evalCrop", "exifOrientation"]) {
      assert.ok(key in document.config);
      delete document.config[key];
    }
    writeFileSync(path, stringify(document));
  });

  it("goes on as it began, and is scored as it would have been", async () => {
    const resumed = await resumeTraining(older);
    const expected = await train(asThen, { runDirectory: join(folder, "then") });
    assert.deepEqual(fingerprint(older), fingerprint(expected.runDirectory));
    assert.deepEqual(resumed.last.test, expected.last.test);
    const now = await train(recipe, { runDirectory: join(folder, "now") });
    assert.notDeepEqual(fingerprint(now.runDirectory), fingerprint(older));
  });
  it("is scored, exported and asked with the help of its data where it has no word of them", async () => {
    const silent = join(folder, "silent");
    cpSync(older, silent, { recursive: true });
    const path = join(silent, "config.yaml");
    const { network, ...document } = parse(readFileSync(path, "utf8"));
    assert.equal(network.classes.length, 2);
    writeFileSync(path, stringify(document));
    const scoresOf = async (run: string) => JSON.parse((await peaHere("eval", run, "--json")).stdout).scores;
    assert.deepEqual(await scoresOf(silent), await scoresOf(older));
    const [whole, exported] = [await exportRun(older), await exportRun(silent)];
    assert.deepEqual({ ...exported, runDirectory: older, file: whole.file }, whole);
    const predictor = await openPredictor(silent);
    await predictor.close();
    assert.deepEqual([...predictor.classes], network.classes);
  });
  it("is opened and asked with what it was trained with", async () => {
    const trained = await openTrainedRun(older);
    disposeRun(trained);
    assert.deepEqual([trained.data.evaluationCrop, trained.data.exifOrientation], ["central", false]);
    const predictor = await openPredictor(older);
    await predictor.close();
    assert.deepEqual([predictor.input.crop, predictor.input.exifOrientation], ["central", false]);
  });
});
