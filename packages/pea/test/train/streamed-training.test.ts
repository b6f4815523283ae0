import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import sharp from "sharp";
import { exportRun } from "../../src/export/export.ts";
import type { RecipeInput } from "../../src/recipe/recipe.ts";
import { evaluationLoader } from "../../src/run/loaders.ts";
import { readMetrics } from "../../src/run/metrics.ts";
import { disposeRun } from "../../src/run/prepare-run.ts";
import type { TrainResult } from "../../src/run/result.ts";
import { openTrainedRun } from "../../src/run/trained-run.ts";
import { evaluate } from "../../src/tasks/evaluate.ts";
import { train } from "../../src/train/train.ts";
import { writeFiles } from "../support/images.ts";
import { fingerprint, trainInParts } from "../support/run-in-parts.ts";
import { tarArchive } from "../support/tar-archive.ts";
import { imagenetExample, tfRecords } from "../support/tf-examples.ts";

const directory = mkdtempSync(join(tmpdir(), "streamed-training-"));
after(() => rmSync(directory, { recursive: true }));
const at = (name: string) => join(directory, name);

const classes = ["blue", "green", "red"];
/** Images of a class by part, in order: stripes of its colour on noise, each of another size. */
const parts: Record<"train" | "val", { label: number; name: string; bytes: Buffer }[]> = {
  train: [],
  val: [],
};

async function stripes(label: number, number: number): Promise<Buffer> {
  const [width, height] = [30 + number, 44 - number];
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const [pixel, channel] = [Math.floor(i / 3), i % 3];
    const noise = (pixel * 7919 + number * 104_729) % 90;
    return noise + (channel === 2 - label && Math.floor(pixel / width / 4) % 2 === 0 ? 140 : 0);
  });
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 95 })
    .toBuffer();
}

before(async () => {
  for (const [part, count] of [
    ["train", 20],
    ["val", 6],
  ] as const)
    for (const label of classes.keys())
      for (let number = 0; number < count; number++)
        parts[part].push({ label, name: `${10 + number}.jpg`, bytes: await stripes(label, number) });
  for (const [part, samples] of Object.entries(parts)) {
    for (const { label, name, bytes } of samples)
      writeFiles(at("folder"), { [`${part}/${classes[label]}/${name}`]: bytes });
    // Two shards each, of different lengths.
    for (const [number, some] of [samples.slice(0, 7), samples.slice(7)].entries()) {
      const records = some.map(({ label, bytes }) => imagenetExample(bytes, label + 1, classes[label]));
      const name = part === "val" ? "validation" : part;
      const members = some.flatMap(({ label, bytes }, i) => [
        [`${number}-${i}.cls`, `${label}`],
        [`${number}-${i}.jpg`, bytes],
      ]);
      writeFiles(at("records"), { [`${name}-0000${number}-of-00002`]: tfRecords(records) });
      writeFiles(at("tars"), { [`${part}-00${number}.tar`]: tarArchive(Object.fromEntries(members)) });
    }
  }
});

// 60 training images, 6 of them for validation: 6 steps an epoch.
const recipe: RecipeInput = {
  model: "mobilenet-0.02-small",
  data: "imagefolder",
  dataDir: at("folder"),
  imageSize: 32,
  splitBy: "position", // the same images in each format, whose names differ
  epochs: 3,
  batchSize: 9,
  lr: 0.05,
  cropPadding: 1,
  pea: "SM50%",
  logEverySteps: 4,
  threads: 1,
};

describe("training on streamed images", () => {
  let whole: TrainResult;
  before(async () => {
    whole = await train(recipe, { runDirectory: at("whole") });
  });

  it("scores every image of the second part", () => {
    assert.equal(whole.testImages, 18);
    assert.equal(whole.stepsPerEpoch, 6);
  });
  it("goes the same way from TFRecords and from tar archives", async () => {
    for (const [data, dataDir] of [
      ["tfrecord", at("records")],
      ["webdataset", at("tars")],
    ] as const) {
      const run = await train({ ...recipe, data, dataDir }, { runDirectory: at(data) });
      assert.deepEqual(fingerprint(run.runDirectory), fingerprint(whole.runDirectory));
      assert.deepEqual([run.last.test, run.best?.test], [whole.last.test, whole.best?.test]);
    }
  });
  it("goes on in the middle of an epoch as if it had never stopped", async () => {
    for (const step of [2, 9]) {
      const resumed = await trainInParts(recipe, [step]);
      assert.deepEqual(fingerprint(resumed.runDirectory), fingerprint(whole.runDirectory));
      assert.deepEqual([resumed.last, resumed.best], [whole.last, whole.best]);
    }
  });
  it("ends in a run that is scored and exported from its images", async () => {
    const trained = await openTrainedRun(whole.runDirectory, { checkpoint: "last" });
    const { model, data, methods } = trained;
    assert.deepEqual([data.classes, data.inputShape], [classes, [3, 32, 32]]);
    methods.deploy();
    const scores = await evaluate(model, evaluationLoader(data.test, data, "cpu"), {
      task: data.task,
      device: "cpu",
    });
    disposeRun(trained);
    assert.deepEqual(scores, whole.last.test);
    const { largestDifference, images } = await exportRun(whole.runDirectory);
    assert.ok(largestDifference <= 1e-4);
    assert.equal(images, 18);
  });
});

describe("training on images of which some cannot be read", () => {
  const broken = at("broken");
  before(async () => {
    for (const [part, samples] of Object.entries(parts))
      for (const { label, name, bytes } of samples)
        writeFiles(broken, { [`${part}/${classes[label]}/${name}`]: bytes });
    writeFiles(broken, { "train/green/12.jpg": "", "train/red/14.jpg": "no image", "val/blue/11.jpg": "" });
  });
  const all: RecipeInput = { ...recipe, dataDir: broken, batchSize: 10, valFraction: 0 };

  it("stops by default, and names some", async () => {
    await assert.rejects(train(all, { runDirectory: at("stops") }), {
      name: "UnreadableImagesError",
      message: /broken\/(train\/green\/12|train\/red\/14|val\/blue\/11)\.jpg.*--on-bad-sample skip/,
    });
  });
  it("goes on without them by choice, names each once and counts them", async () => {
    const skipped: string[] = [];
    const runDirectory = at("skips");
    const observe = () => ({
      onSkip: ({ name }: { name: string }) => void skipped.push(name.slice(broken.length)),
    });
    const { testImages } = await train({ ...all, onBadSample: "skip" }, { runDirectory, observe });
    assert.deepEqual(skipped.toSorted(), ["/train/green/12.jpg", "/train/red/14.jpg", "/val/blue/11.jpg"]);
    assert.equal(testImages, 17);
    const epochs = readMetrics(join(runDirectory, "metrics.jsonl")).filter(({ kind }) => kind === "epoch");
    assert.deepEqual(
      epochs.map((row) => row.skipped),
      [2, 2, 2],
    );
    assert.match(
      readFileSync(join(runDirectory, "summary.csv"), "utf8").split("\n")[0] as string,
      /,skipped/,
    );
  });
  it("names and counts them on the terminal", () => {
    const words = [
      "train",
      "--data",
      "imagefolder",
      "--data-dir",
      broken,
      "--image-size",
      "32",
      "--epochs",
      "1",
    ];
    const more = [
      "--model",
      "mobilenet-0.02-small",
      "--val-fraction",
      "0",
      "--batch-size",
      "10",
      "--threads",
      "1",
    ];
    const script = `import { main } from ${JSON.stringify(new URL("../../src/cli/main.ts", import.meta.url))};
      process.exitCode = await main(process.argv.slice(1));`;
    const flags = [
      "--conditions=pea-source",
      "--import",
      "tsx",
      "--input-type=module",
      "--eval",
      script,
      "--",
    ];
    const rest = ["--on-bad-sample", "skip", "--run", at("shown")];
    const shown = execFileSync(
      "sh",
      ["-c", 'exec "$@" 2>&1', "sh", process.execPath, ...flags, ...words, ...more, ...rest],
      {
        encoding: "utf8",
      },
    );
    assert.match(shown, /skipped .*broken\/train\/green\/12\.jpg: it is empty/);
    assert.match(shown, /2 training images skipped/);
  });
});

describe("a recipe for streamed images", () => {
  it("needs the folder, and refuses for images in memory what they do not go through", async () => {
    const { resolveRecipe } = await import("../../src/recipe/recipe.ts");
    const resolve = (settings: RecipeInput) => resolveRecipe({ source: "the test", settings });
    await assert.rejects(train({ data: "tfrecord" }), /data "tfrecord" needs dataDir/);
    assert.throws(
      () => resolve({ imageSize: 64 }),
      /imageSize is 64, but images of "fashion-mnist" are taken as they/,
    );
    assert.throws(
      () => resolve({ splitBy: "name" }),
      /splitBy is "name", but images of "fashion-mnist" have no names and are split by position; leave it out/,
    );
    const settings = resolve({ data: "webdataset", dataDir: "x" });
    const { imageSize, trainCrop, splitBy, onBadSample } = settings;
    assert.deepEqual([imageSize, trainCrop, splitBy, onBadSample], [224, "distorted", "name", "fail"]);
    assert.equal(resolve({}).imageSize, undefined);
  });
});
