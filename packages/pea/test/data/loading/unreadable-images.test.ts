import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { readSafetensors } from "@pea/torch";
import { UnreadableImagesError } from "../../../src/data/loading/unreadable-images.ts";
import type { RecipeInput } from "../../../src/recipe/recipe.ts";
import { readMetrics } from "../../../src/run/metrics.ts";
import type { TrainResult } from "../../../src/run/result.ts";
import { makeScenes } from "../../../src/scenes/make-scenes.ts";
import { resumeTraining, type TrainOptions, train } from "../../../src/train/train.ts";
import { noiseImage, writeFiles } from "../../support/images.ts";
import { peaHere } from "../../support/pea-main.ts";
import { fingerprint } from "../../support/run-in-parts.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";

const root = temporaryFolder();
const counts = { train: 21, val: 4, test: 6 };
/** Of each image, by its path in the data. */
const images = new Map<string, Buffer>();
before(async () => {
  for (const [part, count] of Object.entries(counts))
    for (const name of ["cat", "dog"])
      for (let number = 0; number < count; number++) {
        const seed = 1000 * images.size + 7;
        images.set(`${part}/${name}/${10 + number}.jpg`, await noiseImage(seed, 30 + number, 40 - number));
      }
});

/** A folder with all images, of which these are damaged. */
function dataWith(damaged: Record<string, Buffer | string> = {}): string {
  const folder = join(temporaryFolder(), "data");
  writeFiles(folder, { ...Object.fromEntries(images), ...damaged });
  return folder;
}
const cut = (name: string): Buffer => {
  const whole = images.get(name) as Buffer;
  return whole.subarray(0, whole.length / 2);
};
/** Puts an image back as it was. */
const mend = (folder: string, name: string) => writeFileSync(join(folder, name), images.get(name) as Buffer);

// 42 training images: 5 steps an epoch and 2 images left over; 8 validation and 12 test images.
const recipe: RecipeInput = {
  model: "mobilenet-0.02-small",
  data: "imagefolder",
  imageSize: 32,
  valFraction: 0,
  epochs: 3,
  batchSize: 8,
  lr: 0.05,
  pea: "SM50%",
  logEverySteps: 2,
  threads: 1,
};
let runs = 0;
const freshRun = () => join(root, `run-${runs++}`);
const stateOf = (run: string) =>
  JSON.parse(readSafetensors(join(run, "checkpoints", "last.safetensors")).metadata.state ?? "");

/** Trains until images that cannot be read stop it, and returns the error. */
async function stoppedBy(
  dataDir: string,
  runDirectory: string,
  more: RecipeInput = {},
  options: TrainOptions = {},
): Promise<UnreadableImagesError> {
  let stop: unknown;
  await assert.rejects(train({ ...recipe, dataDir, ...more }, { runDirectory, ...options }), (error) => {
    stop = error;
    return error instanceof UnreadableImagesError;
  });
  return stop as UnreadableImagesError;
}
const namesOf = ({ images }: UnreadableImagesError, folder: string) =>
  images.map(({ name }) => name.slice(folder.length + 1)).sort();

describe("a damaged image of a run that is to stop at such", () => {
  let whole: TrainResult;
  before(async () => {
    whole = await train({ ...recipe, dataDir: dataWith() }, { runDirectory: freshRun() });
  });
  const assertAsWhole = (result: TrainResult) => {
    assert.deepEqual(fingerprint(result.runDirectory), fingerprint(whole.runDirectory));
    assert.deepEqual([result.last, result.best], [whole.last, whole.best]);
  };

  for (const [where, name] of [
    ["test", "test/dog/15.jpg"],
    ["validation", "val/cat/11.jpg"],
  ] as const)
    it(`is found in the first epoch where it is one of the ${where} part, and the run goes on once it is mended`, async () => {
      const folder = dataWith({ [name]: cut(name) });
      const run = freshRun();
      const error = await stoppedBy(folder, run);
      assert.deepEqual(namesOf(error, folder), [name]);
      assert.ok(stateOf(run).step <= 5);
      await assert.rejects(resumeTraining(run), UnreadableImagesError);
      mend(folder, name);
      assertAsWhole(await resumeTraining(run));
    });

  it("leaves a checkpoint of the step before it, where it is one that is trained on", async () => {
    const folder = dataWith({ "train/cat/17.jpg": "" });
    const run = freshRun();
    const error = await stoppedBy(folder, run);
    assert.deepEqual(namesOf(error, folder), ["train/cat/17.jpg"]);
    assert.ok(stateOf(run).step < 5);
    mend(folder, "train/cat/17.jpg");
    assertAsWhole(await resumeTraining(run));
  });

  it("is found with all others of test and validation, which are named at once", async () => {
    const names = [
      "test/cat/10.jpg",
      "test/dog/12.jpg",
      "test/dog/15.jpg",
      "val/cat/13.jpg",
      "val/dog/10.jpg",
    ];
    const folder = dataWith(Object.fromEntries(names.map((name) => [name, cut(name)])));
    assert.deepEqual(namesOf(await stoppedBy(folder, freshRun()), folder), names);
  });

  it("is found by the end of the only epoch, and the epoch ends once it is mended", async () => {
    const short: RecipeInput = { epochs: 1, pea: "none" };
    const once = await train({ ...recipe, ...short, dataDir: dataWith() }, { runDirectory: freshRun() });
    const folder = dataWith({ "val/dog/13.jpg": "" });
    const run = freshRun();
    await stoppedBy(folder, run, short);
    mend(folder, "val/dog/13.jpg");
    const result = await resumeTraining(run);
    assert.deepEqual(fingerprint(run), fingerprint(once.runDirectory));
    assert.deepEqual([result.last, result.best], [once.last, once.best]);
  });

  it("is found when the run is scored, where it was damaged after it had been looked at", async () => {
    const folder = dataWith();
    const run = freshRun();
    const observe = () => ({
      onStep: (step: number) => step === 14 && writeFileSync(join(folder, "test/cat/10.jpg"), ""),
    });
    const error = await stoppedBy(folder, run, {}, { observe });
    assert.deepEqual(namesOf(error, folder), ["test/cat/10.jpg"]);
    assert.equal(stateOf(run).step, 15);
    mend(folder, "test/cat/10.jpg");
    assertAsWhole(await resumeTraining(run));
  });

  it("lets the same weights be trained, however many images there are to look at", async () => {
    const folder = dataWith();
    for (const name of ["cat", "dog"]) rmSync(join(folder, "test", name, "15.jpg"));
    const result = await train({ ...recipe, dataDir: folder }, { runDirectory: freshRun() });
    assert.equal(result.testImages, 10);
    assert.deepEqual(fingerprint(result.runDirectory), fingerprint(whole.runDirectory));
  });

  it("may be removed from the test part, and the run goes on without it", async () => {
    const folder = dataWith({ "test/dog/15.jpg": "" });
    const run = freshRun();
    await stoppedBy(folder, run);
    rmSync(join(folder, "test/dog/15.jpg"));
    const result = await resumeTraining(run);
    assert.equal(result.testImages, 11);
    assert.deepEqual(fingerprint(run), fingerprint(whole.runDirectory));
  });
});

describe("a damaged image that is trained on", () => {
  it("may be removed, and the run goes on by its plan with those that are left", async () => {
    // 40 images are five batches, 39 are not.
    const more = ["train/cat/10.jpg", "train/dog/10.jpg"];
    const folder = dataWith({ "train/cat/17.jpg": "" });
    for (const name of more) rmSync(join(folder, name));
    const run = freshRun();
    await stoppedBy(folder, run);
    rmSync(join(folder, "train/cat/17.jpg"));
    const { steps, stepsPerEpoch } = await resumeTraining(run);
    assert.deepEqual([steps, stepsPerEpoch], [15, 5]);
  });
});

describe("a study whose runs meet a damaged image", () => {
  it("goes on with them where its settings say so from then on", async () => {
    const folder = join(temporaryFolder(), "study");
    const { valFraction, pea, ...settings } = recipe;
    const study = {
      ...{ name: "damaged", networks: [recipe.model], variants: ["ReLU"], seeds: [0] },
      settings: { ...settings, model: undefined, epochs: 1, dataDir: dataWith({ "test/cat/10.jpg": "" }) },
    };
    const command = async (onBadSample: "fail" | "skip") => {
      const text = JSON.stringify({ ...study, settings: { ...study.settings, onBadSample } });
      writeFiles(folder, { "study.json": text });
      const paths = ["-c", "study.json", "-o", "results", "--runs", "runs"].map((word) =>
        word.startsWith("-") ? word : join(folder, word),
      );
      return peaHere("study", ...paths);
    };
    const failed = await command("fail");
    assert.equal(failed.code, 1);
    assert.match(failed.stdout, /test\/cat\/10\.jpg cannot be read.*in a recipe, onBadSample: skip/);
    const { code, stdout } = await command("skip");
    assert.equal(code, 0, stdout);
    assert.match(stdout, /1 of 1 runs done, 1 of them now/);
    const [run = ""] = readdirSync(join(folder, "runs", "damaged")).filter((name) => name.includes("seed0"));
    const config = readFileSync(join(folder, "runs", "damaged", run, "config.yaml"), "utf8");
    assert.match(config, /^resumed:\n {2}- step: \d\n {4}before:\n {6}onBadSample: fail$/m);
  });
});

describe("a damaged label map", () => {
  it("of a test image is found in the first epoch", async () => {
    const folder = join(temporaryFolder(), "scenes");
    await makeScenes(folder, { size: { height: 24, width: 48 }, counts: { train: 10, val: 3, test: 0 } });
    const { labelMap, image } = firstOf(folder);
    writeFileSync(labelMap, "");
    const run = freshRun();
    const scenes: RecipeInput = {
      ...{ model: "erfnet-segmentation-0.15", data: "cityscapes", dataDir: folder, imageSize: "24x48" },
      ...{ valFraction: 0.2, epochs: 2, batchSize: 4, threads: 1 },
    };
    await assert.rejects(train(scenes, { runDirectory: run }), (error) => {
      assert.ok(error instanceof UnreadableImagesError);
      assert.deepEqual(
        error.images.map(({ name }) => name),
        [image],
      );
      assert.ok(
        error.message.includes(`its label map ${labelMap} cannot be read: it is empty`),
        error.message,
      );
      return true;
    });
    assert.ok(stateOf(run).step <= 2);
  });
});

describe("a run that goes on without images that cannot be read", () => {
  const damaged = ["train/cat/17.jpg", "val/dog/10.jpg", "test/cat/10.jpg", "test/dog/15.jpg"];
  let folder: string;
  let run: string;
  let result: TrainResult;
  before(async () => {
    folder = dataWith(Object.fromEntries(damaged.map((name) => [name, cut(name)])));
    run = freshRun();
    await stoppedBy(folder, run);
    // Stopped once more, with an image left out already, in an epoch that may not come to it again.
    const stop = new AbortController();
    const observe = () => ({ onStep: (step: number) => step === 13 && stop.abort("test") });
    const interrupted = resumeTraining(run, { onBadSample: "skip", signal: stop.signal, observe });
    await assert.rejects(interrupted, { name: "TrainingInterrupted" });
    result = await resumeTraining(run);
  });

  it("counts and names them by part in its result, over all resumptions", () => {
    const named = Object.entries(result.skipped ?? {}).map(([part, { count, images }]) => [
      part,
      count,
      images.map(({ name }) => name.slice(folder.length + 1)),
    ]);
    assert.deepEqual(named, [
      ["train", 1, ["train/cat/17.jpg"]],
      ["validation", 1, ["val/dog/10.jpg"]],
      ["test", 2, ["test/cat/10.jpg", "test/dog/15.jpg"]],
    ]);
    assert.equal(result.testImages, 10);
    assert.deepEqual(JSON.parse(readFileSync(join(run, "result.json"), "utf8")).skipped, result.skipped);
  });

  it("counts them in its metrics", () => {
    const epochs = readMetrics(join(run, "metrics.jsonl")).filter(({ kind }) => kind === "epoch");
    assert.deepEqual(
      epochs.map((row) => row["val/skipped"]),
      [1, 1, 1],
    );
  });

  it("is scored and exported without them from then on", async () => {
    const scored = await peaHere("eval", run, "--json");
    assert.equal(scored.code, 0, scored.stderr);
    const { images, skipped, scores } = JSON.parse(scored.stdout);
    assert.equal(images, 10);
    assert.deepEqual(skipped, { test: result.skipped?.test });
    assert.deepEqual(scores.current ?? scores.deployed, (result.best ?? result.last).test);
    const exported = await peaHere("export", run, "--json");
    assert.equal(exported.code, 0, exported.stderr);
    const document = JSON.parse(exported.stdout);
    assert.equal(document.images, 10);
    assert.equal(document.skipped.test.count, 2);
  });

  it("says so to people", async () => {
    const scored = await peaHere("eval", run, "--part", "validation");
    assert.match(scored.stdout, /7 validation images$/m);
    assert.match(
      scored.stdout,
      /left out, for they cannot be read: 1 validation image: .*val\/dog\/10\.jpg$/m,
    );
    const resumed = await peaHere("train", "--resume", run);
    assert.match(
      resumed.stdout,
      /left out, for they cannot be read: 1 training image: .*train\/cat\/17\.jpg$/m,
    );
    assert.match(resumed.stdout, /2 test images: .*test\/cat\/10\.jpg, .*test\/dog\/15\.jpg$/m);
  });
});

describe("eval and export of a run whose test images were damaged since", () => {
  let folder: string;
  let run: string;
  before(async () => {
    folder = dataWith();
    run = freshRun();
    await train({ ...recipe, dataDir: folder, epochs: 1, pea: "none" }, { runDirectory: run });
    writeFileSync(join(folder, "test/cat/10.jpg"), "");
  });

  for (const command of ["eval", "export"])
    it(`${command} names them, and goes on without them with --on-bad-sample skip`, async () => {
      const failed = await peaHere(command, run);
      assert.equal(failed.code, 1);
      assert.match(failed.stderr, /test\/cat\/10\.jpg cannot be read: it is empty.*--on-bad-sample skip/);
      const { code, stdout } = await peaHere(command, run, "--on-bad-sample", "skip", "--json");
      assert.equal(code, 0);
      assert.deepEqual([JSON.parse(stdout).images, JSON.parse(stdout).skipped.test.count], [11, 1]);
    });

  it("change nothing in the run", () => {
    const config = readFileSync(join(run, "config.yaml"), "utf8");
    assert.match(config, /onBadSample: fail/);
    assert.doesNotMatch(config, /resumed/);
  });

  it("say so where no image can be read", async () => {
    for (const name of images.keys()) if (name.startsWith("test/")) writeFileSync(join(folder, name), "");
    const nothing = await peaHere("eval", run, "--on-bad-sample", "skip");
    assert.match(nothing.stderr, /none of the images can be read: there is nothing to score/);
    const exported = await peaHere("export", run, "--on-bad-sample", "skip");
    assert.match(exported.stderr, /there is no test image that can be read, to verify the network on/);
  });
});

/** An image of the test part of made scenes, and its label map. */
function firstOf(folder: string): { image: string; labelMap: string } {
  const key = "val/loom/loom_000000_000000";
  return {
    image: join(folder, `leftImg8bit/${key}_leftImg8bit.png`),
    labelMap: join(folder, `gtFine/${key}_gtFine_labelIds.png`),
  };
}
