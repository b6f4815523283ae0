import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import sharp from "sharp";
import { exportRun } from "../../src/export/export.ts";
import { type RecipeInput, resolveRecipe } from "../../src/recipe/recipe.ts";
import { loadReportRun } from "../../src/report/load-run.ts";
import { readMetrics } from "../../src/run/metrics.ts";
import type { TrainResult } from "../../src/run/result.ts";
import { makeScenes } from "../../src/scenes/make-scenes.ts";
import { sceneLabels } from "../../src/scenes/scene-labels.ts";
import type { SegmentationBreakdown } from "../../src/tasks/breakdown.ts";
import { intersectionOverUnion, meanIou } from "../../src/tasks/segmentation/iou.ts";
import type { Scores } from "../../src/tasks/task.ts";
import { resumeTraining, train } from "../../src/train/train.ts";
import { TrainingInterrupted } from "../../src/train/trainer.ts";
import { peaHere } from "../support/pea-main.ts";
import { fingerprint } from "../support/run-in-parts.ts";
import { assertScoresAgree } from "../support/scores-agree.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

const root = temporaryFolder();
const scenes = join(root, "scenes");
const size = { height: 48, width: 96 };
const counts = { train: 20, val: 6, test: 2 };

// 20 training images, 4 of them for validation: 4 steps an epoch; images are half as large as on disk.
const recipe: RecipeInput = {
  model: "erfnet-segmentation-0.15",
  data: "cityscapes",
  dataDir: scenes,
  imageSize: "24x48",
  valFraction: 0.2,
  splitBy: "position", // the share is rounded in each city
  epochs: 3,
  batchSize: 4,
  lr: 0.02,
  cropPadding: 2,
  pea: "WM67%",
  logEverySteps: 3,
  threads: 1,
};

before(() => makeScenes(scenes, { size, counts }));

describe("made scenes", () => {
  const files = (folder: string) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length))
      .sort();

  it("are a data set in the layout of Cityscapes, without labels of the test split", () => {
    const all = files(scenes);
    assert.equal(all.filter((name) => name.endsWith("_leftImg8bit.png")).length, 28);
    assert.equal(all.filter((name) => name.endsWith("_gtFine_labelIds.png")).length, 26);
    assert.ok(all.includes("/leftImg8bit/train/loom/loom_000000_000000_leftImg8bit.png"));
    assert.ok(!all.some((name) => name.startsWith("/gtFine/test")));
  });
  it("hold every class, with a border that does not count", async () => {
    const seen = new Map<number, number>();
    for (const name of files(join(scenes, "gtFine/train"))) {
      const file = sharp(join(scenes, "gtFine/train", name))
        .toColourspace("b-w")
        .raw();
      const { data, info } = await file.toBuffer({ resolveWithObject: true });
      assert.deepEqual([info.width, info.height, info.channels], [96, 48, 1]);
      for (const byte of data) seen.set(byte, (seen.get(byte) ?? 0) + 1);
      for (const place of [0, 1, 95, 96 + 1, 47 * 96]) assert.equal(data[place], 1);
    }
    assert.deepEqual(
      [...seen.keys()].sort((a, b) => a - b),
      sceneLabels.map(({ id }) => id),
    );
  });
  it("are a function of the seed", async () => {
    const again = join(root, "again");
    await makeScenes(again, { size, counts });
    for (const name of files(scenes))
      assert.deepEqual(readFileSync(join(again, name)), readFileSync(join(scenes, name)), name);
    const other = join(root, "other");
    await makeScenes(other, { size, counts: { train: 1, val: 1, test: 0 }, seed: 1 });
    const [first = ""] = files(join(other, "leftImg8bit/train"));
    const image = (folder: string) => readFileSync(join(folder, "leftImg8bit/train", first));
    assert.notDeepEqual(image(other), image(scenes));
    await assert.rejects(makeScenes(scenes), { kind: "usage", message: /holds scenes already/ });
  });
});

const views = ["current", "deployed"];

describe("training for segmentation", () => {
  let whole: TrainResult;
  const run = join(root, "run");
  before(async () => {
    whole = await train(recipe, { runDirectory: run });
  });

  it("is scored by mIoU: in the result, the metrics and the table of epochs", () => {
    assert.deepEqual([whole.metric, whole.testImages, whole.stepsPerEpoch], ["miou", 6, 4]);
    const { miou, classIou, top1 } = whole.last.test;
    assert.equal(top1, undefined);
    assert.deepEqual(Object.keys(classIou ?? {}), [
      "wall",
      "floor",
      "top",
      "trouser",
      "dress",
      "shoe",
      "bag",
    ]);
    const counted = Object.values(classIou ?? {}).filter((iou) => iou !== null);
    assert.ok(Math.abs((miou ?? 0) - counted.reduce((a, b) => a + b, 0) / counted.length) < 1e-9);
    const rows = readMetrics(join(run, "metrics.jsonl"));
    const epochs = rows.filter(({ kind }) => kind === "epoch");
    assert.deepEqual(
      epochs.map((row) => ["train/miou", "val/miou", "deployed/miou"].map((name) => name in row)),
      // The transition ends with the second of three epochs.
      [
        [true, true, true],
        [true, true, true],
        [true, true, false],
      ],
    );
    assert.ok(rows.every((row) => !("train/top1" in row)));
    assert.match(readFileSync(join(run, "summary.csv"), "utf8").split("\n")[0] ?? "", /val\/miou/);
    assert.equal(whole.best?.epoch, 3);
    assert.equal(whole.best?.validationScore, epochs[2]?.["val/miou"]);
  });
  it("goes on in the middle of an epoch as if it had never stopped", async () => {
    const runDirectory = join(root, "stopped");
    const stop = new AbortController();
    const observe = () => ({ onStep: (done: number) => void (done === 6 && stop.abort()) });
    await assert.rejects(train(recipe, { runDirectory, signal: stop.signal, observe }), TrainingInterrupted);
    // In the middle of the transition the network is looked at with both of its activations.
    const { stdout } = await peaHere("eval", runDirectory, "--json");
    const { scores, fullResolution } = JSON.parse(stdout);
    assert.deepEqual([Object.keys(scores), Object.keys(fullResolution)], [views, views]);
    assert.notEqual(scores.current.loss, scores.deployed.loss);
    const resumed = await resumeTraining(runDirectory);
    assert.deepEqual(fingerprint(runDirectory), fingerprint(run));
    assert.deepEqual([resumed.last, resumed.best], [whole.last, whole.best]);
  });
  it("ends in a network that ONNX Runtime agrees with on every pixel", async () => {
    const { largestDifference, allowed, predictions, sameClass, operators } = await exportRun(run);
    assert.ok(largestDifference <= allowed);
    assert.equal(operators.Relu, 73);
    assert.equal(predictions, 6 * 24 * 48);
    assert.ok(sameClass / predictions > 0.999);
  });
  it("is reported with its mIoU", async () => {
    const { test, metric, epochs } = await loadReportRun(run);
    assert.equal(test?.best, whole.best?.test.miou);
    assert.equal(metric, "miou");
    const rows = readMetrics(join(run, "metrics.jsonl")).filter(({ kind }) => kind === "epoch");
    assert.deepEqual(
      epochs.map(({ currentScore, deployedScore }) => [currentScore, deployedScore]),
      rows.map((row) => [row["val/miou"], row["deployed/miou"] ?? row["val/miou"]]),
    );
  });
  it("refuses a network that answers once per image, and images cut at random", async () => {
    await assert.rejects(train({ ...recipe, model: "resnet18-0.125" }, { runDirectory: join(root, "no") }), {
      kind: "usage",
      message: /resnet18-0\.125 answers 7 numbers .* for segmentation take erfnet-segmentation/,
    });
    await assert.rejects(train({ ...recipe, trainCrop: "central" }), /trainCrop is "central", but images/);
    await assert.rejects(train({ ...recipe, imageSize: "24x" }), /imageSize is "24x", but must be/);
    const { imageSize, trainCrop } = resolveRecipe({ source: "the test", settings: { data: "cityscapes" } });
    assert.deepEqual([imageSize, trainCrop], ["256x512", undefined]);
  });

  describe("evaluated by pea eval", () => {
    const output = join(root, "maps");
    let document: {
      images: number;
      scores: Record<string, Scores & { miou: number }>;
      fullResolution: Record<
        string,
        { miou: number; pixelAccuracy: number; classIou: Record<string, number | null> }
      >;
      breakdown: SegmentationBreakdown;
    };
    before(async () => {
      const { code, stdout, stderr } = await peaHere("eval", run, "--output", output, "--json");
      assert.equal(code, 0, stderr);
      document = JSON.parse(stdout);
    });

    it("has the scores of the training at the network's resolution", () => {
      assert.equal(document.images, 6);
      const { current, ...others } = document.scores;
      assert.deepEqual(others, {});
      assertScoresAgree(current as Scores, (whole.best as NonNullable<typeof whole.best>).test);
    });
    it("has the official scores of the label maps it writes, at full resolution", async () => {
      // Counted from the files, as the evaluation server would: bytes against bytes.
      const ids = sceneLabels.filter(({ trainId }) => trainId !== 255).map(({ id }) => id);
      const side = ids.length + 1;
      const matrix = new Array<number>(side * side).fill(0);
      const bytes = async (path: string) => {
        const { data, info } = await sharp(path)
          .toColourspace("b-w")
          .raw()
          .toBuffer({ resolveWithObject: true });
        assert.deepEqual([info.width, info.height, info.channels], [96, 48, 1]);
        return data;
      };
      const names = readdirSync(join(output, "labels"));
      assert.equal(names.length, 6);
      for (const name of names) {
        const [, city, key] = /^((?:loom|spindle))(_\d{6}_\d{6})_labelIds\.png$/.exec(name) ?? [];
        const truth = await bytes(join(scenes, `gtFine/val/${city}/${city}${key}_gtFine_labelIds.png`));
        const answer = await bytes(join(output, "labels", name));
        const place = (byte: number) => (ids.includes(byte) ? ids.indexOf(byte) : ids.length);
        for (const [i, byte] of truth.entries()) {
          assert.ok(ids.includes(answer[i] as number));
          const cell = place(byte) * side + place(answer[i] as number);
          matrix[cell] = (matrix[cell] as number) + 1;
        }
      }
      const miou = 100 * meanIou(intersectionOverUnion(matrix, ids.length));
      assert.equal(document.fullResolution.current?.miou, miou);
      assert.notEqual(miou, document.scores.current?.miou);
      // Broken down, they are that matrix.
      const { classes, confused, worst } = document.breakdown;
      const at = (label: string, answer: string) => {
        const [row, column] = [label, answer].map((name) => classes.findIndex((one) => one.name === name));
        return matrix[(row as number) * side + (column as number)];
      };
      for (const { name, pixels, correct, iou } of classes) {
        assert.equal(correct, at(name, name));
        const taken = confused.filter(({ label }) => label === name);
        assert.equal(
          pixels,
          taken.reduce((sum, pair) => sum + pair.pixels, correct),
        );
        for (const { answer, pixels: count, share } of taken)
          assert.deepEqual([count, share], [at(name, answer), (100 * count) / pixels]);
        assert.equal(iou, document.fullResolution.current?.classIou[name]);
      }
      assert.deepEqual(
        worst.map(({ image }) => image.slice(scenes.length)).sort(),
        names.map((name) => {
          const key = name.slice(0, -"_labelIds.png".length);
          return `/leftImg8bit/val/${key.split("_")[0]}/${key}_leftImg8bit.png`;
        }),
      );
      assert.deepEqual(
        worst,
        worst.toSorted((a, b) => a.miou - b.miou),
      );
    });
    it("has in its result those at the network's resolution", () => {
      const { classes } = whole.breakdown as SegmentationBreakdown;
      assert.deepEqual(
        Object.fromEntries(classes.map(({ name, iou }) => [name, iou])),
        (whole.best ?? whole.last).test.classIou,
      );
    });
    it("writes overlays of the images' size", async () => {
      const overlays = readdirSync(join(output, "overlays"));
      assert.equal(overlays.length, 6);
      const { width, height, channels } = await sharp(join(output, "overlays", overlays[0] ?? "")).metadata();
      assert.deepEqual([width, height, channels], [96, 48, 3]);
    });
    it("shows both resolutions and each class", async () => {
      const { stdout } = await peaHere("eval", run);
      assert.match(stdout, /at 24×48, the network's resolution:\ncurrent +mIoU/);
      assert.match(stdout, /at full resolution, logits scaled bilinearly:\ncurrent +mIoU/);
      for (const name of ["wall", "trouser"])
        assert.match(stdout, new RegExp(`^${name} +[\\d.–]+ +[\\d.–]+$`, "m"));
      for (const title of ["Most often taken for another class", "Images with the lowest mIoU"])
        assert.match(stdout, new RegExp(`^${title}$`, "m"));
      assert.doesNotMatch(stdout, /^Classes$/m);
    });
    it("writes label maps of images without labels, and scores nothing there", async () => {
      const folder = join(root, "submission");
      const words = ["eval", run, "--part", "unlabelled", "--output", folder, "--json"];
      const { code, stdout } = await peaHere(...words);
      assert.equal(code, 0);
      assert.deepEqual(JSON.parse(stdout).scores, {});
      assert.deepEqual(readdirSync(join(folder, "labels")), [
        "loom_000000_000000_labelIds.png",
        "spindle_000000_000001_labelIds.png",
      ]);
    });
    it("says what is missing", async () => {
      assert.deepEqual(
        await peaHere("eval", run, "--part", "unlabelled").then(({ code, stderr }) => [code, stderr.trim()]),
        [2, "pea: images without labels have no scores; say with --output where label maps go"],
      );
      const moved = join(root, "moved");
      cpSync(scenes, moved, { recursive: true });
      rmSync(join(moved, "leftImg8bit/test"), { recursive: true });
      const words = ["--data-dir", moved, "--part", "unlabelled", "--output", output];
      const { code, stderr } = await peaHere("eval", run, ...words);
      assert.equal(code, 2);
      assert.match(stderr, /have no images without labels; take --part test/);
    });
    it("refuses to write label maps of a run that classifies", async () => {
      const path = join(root, "classifier");
      await train(
        {
          dataDir: writeTinyData(),
          model: "mobilenet-0.02-small",
          epochs: 1,
          batchSize: 100,
          threads: 1,
        },
        { runDirectory: path },
      );
      const folder = join(root, "nothing");
      const { code, stderr } = await peaHere("eval", path, "--output", folder);
      assert.equal(code, 2);
      assert.match(stderr, /gives one class per image: there are no label maps to write/);
      assert.ok(!existsSync(folder));
    });
  });
});
