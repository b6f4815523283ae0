import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import sharp from "sharp";
import { loadIdxFolder } from "../../src/data/formats/idx-folder.ts";
import { openImageFolder } from "../../src/data/formats/image-folder.ts";
import { DecodePool } from "../../src/data/loading/decode-pool.ts";
import { StreamingLoader } from "../../src/data/loading/streaming-loader.ts";
import { exportRun } from "../../src/export/export.ts";
import { imagenetStatistics } from "../../src/images/known-statistics.ts";
import { findImages } from "../../src/predict/image-files.ts";
import { type ImagePrediction, type PredictOptions, predict, rank } from "../../src/predict/predict.ts";
import { openPredictor } from "../../src/predict/predictor.ts";
import { prepareImages } from "../../src/predict/prepare-images.ts";
import type { TrainResult } from "../../src/run/result.ts";
import { train } from "../../src/train/train.ts";
import { noiseImage, plainImage, writeFiles } from "../support/images.ts";
import { peaHere } from "../support/pea-main.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

const folder = temporaryFolder();
const run = join(folder, "run");
const file = join(run, "model.onnx");
const images = join(folder, "images");

/** Predictions of all that `paths` stand for. */
async function predictAll(
  source: string,
  paths: readonly string[],
  options: PredictOptions = {},
): Promise<ImagePrediction[]> {
  const predictor = await openPredictor(source);
  try {
    const predictions: ImagePrediction[] = [];
    for await (const prediction of predict(predictor, await findImages(paths), options))
      predictions.push(prediction);
    return predictions;
  } finally {
    await predictor.close();
  }
}

describe("a trained network, asked for the classes of images in files", () => {
  const labels: number[] = [];
  let result: TrainResult;

  before(async () => {
    const dataDir = writeTinyData();
    result = await train(
      { model: "mobilenet-0.1-small", pea: "SM75%", dataDir, epochs: 4, batchSize: 32, lr: 0.05, threads: 1 },
      { runDirectory: run },
    );
    await exportRun(run);
    mkdirSync(images);
    const { test: part } = loadIdxFolder(dataDir);
    const pixels = part.images.toTypedArray() as Uint8Array;
    for (const [index, label] of (part.labels.toTypedArray() as BigInt64Array).entries()) {
      labels.push(Number(label));
      await sharp(pixels.slice(index * 784, (index + 1) * 784), {
        raw: { width: 28, height: 28, channels: 1 },
      })
        .png()
        .toFile(join(images, `${String(index).padStart(3, "0")}.png`));
    }
    // A network is asked where its data are not.
    rmSync(dataDir, { recursive: true });
  });

  test("is right as often as in its evaluation", async () => {
    const predictions = await predictAll(run, [images]);
    const right = predictions.filter(({ top }, index) => top[0]?.label === labels[index]).length;
    assert.equal(predictions.length, 60);
    assert.equal((100 * right) / 60, (result.best ?? result.last).test.top1);
  });

  test("answers the same from its run on libtorch and from its file on ONNX Runtime", async () => {
    const [fromRun, fromFile] = [await predictAll(run, [images]), await predictAll(file, [images])];
    assert.deepEqual(
      fromRun.map(({ image, top }) => [image, top[0]?.class]),
      fromFile.map(({ image, top }) => [image, top[0]?.class]),
    );
    for (const [index, { top }] of fromRun.entries())
      for (const { label, probability } of top) {
        const other = fromFile[index]?.top.find((ranked) => ranked.label === label)?.probability;
        assert.ok(Math.abs(probability - Number(other)) < 1e-5);
      }
  });

  test("names as many classes as asked for, the likeliest first", async () => {
    const [five] = await predictAll(run, [join(images, "000.png")]);
    const [all] = await predictAll(run, [join(images, "000.png")], { topK: 10 });
    assert.deepEqual(five?.top, all?.top.slice(0, 5));
    assert.ok(Math.abs(Number(all?.top.reduce((sum, { probability }) => sum + probability, 0)) - 1) < 1e-12);
    for (const topK of [0, 11, 1.5, Number.NaN])
      await assert.rejects(predictAll(run, [images], { topK }), {
        message: `topK is ${topK}, but must be a whole number from 1 to 10, the number of classes`,
      });
  });

  test("names an image that cannot be read, or goes on without it", async () => {
    const broken = join(folder, "broken");
    writeFiles(broken, { "a.png": await plainImage(100), "b.jpg": "", "c.png": await plainImage(200) });
    await assert.rejects(
      predictAll(run, [broken]),
      /b\.jpg cannot be read: it is empty.*--on-bad-sample skip/,
    );
    const { code, stdout, stderr } = await peaHere(
      ...["predict", file, broken, "--on-bad-sample", "skip", "--top-k", "1", "--json"],
    );
    assert.equal(code, 0, stderr);
    const { predictions, skipped, passedOver } = JSON.parse(stdout);
    assert.deepEqual(
      predictions.map(({ image, top }: ImagePrediction) => [image, top.length]),
      ["a.png", "c.png"].map((name) => [join(broken, name), 1]),
    );
    assert.deepEqual(skipped, [join(broken, "b.jpg")]);
    assert.match(stderr, /skipped .*b\.jpg: it is empty/);
    assert.match(stderr, /^1 of 3 images skipped$/m);
    assert.deepEqual(passedOver, {});
  });

  test("counts the files of a folder that are no images to be read, and reads the others", async () => {
    const mixed = join(folder, "mixed");
    writeFiles(mixed, {
      "a.jfif": await noiseImage(1, 30, 30),
      "b.bmp": "BM",
      "notes.txt": "",
      "Thumbs.db": "",
    });
    const { code, stdout, stderr } = await peaHere("predict", file, mixed, "--top-k", "1", "--json");
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).predictions.length, 1);
    assert.match(stderr, /^passed over: 1 \.bmp, 1 \.txt \(\.bmp: not read here; convert them/m);
  });

  test("counts files in formats that are not read, in a folder by their endings, by name as skipped", async () => {
    const foreign = join(folder, "foreign");
    // The beginning of an image of Windows.
    const bitmap = Buffer.from("BM....................");
    writeFiles(foreign, {
      "a.png": await plainImage(100),
      "b.bmp": bitmap,
      "c/d.BMP": bitmap,
      "c/e.txt": "",
    });
    const inFolder = await peaHere("predict", file, foreign, "--on-bad-sample", "skip", "--json");
    assert.equal(inFolder.code, 0, inFolder.stderr);
    const document = JSON.parse(inFolder.stdout);
    assert.deepEqual(
      document.predictions.map(({ image }: ImagePrediction) => image),
      [join(foreign, "a.png")],
    );
    assert.deepEqual(document.passedOver, { bmp: 2, txt: 1 });
    assert.match(inFolder.stderr, /passed over: 2 \.bmp, 1 \.txt/);
    const named = ["predict", file, join(foreign, "a.png"), join(foreign, "b.bmp")];
    const byName = await peaHere(...named, "--on-bad-sample", "skip", "--json");
    assert.deepEqual(JSON.parse(byName.stdout).skipped, [join(foreign, "b.bmp")]);
    const failed = await peaHere(...named);
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /b\.bmp cannot be read: .*--on-bad-sample skip/);
  });

  test("prints a block of lines for each image", async () => {
    const { stdout } = await peaHere(
      "predict",
      run,
      join(images, "000.png"),
      join(images, "001.png"),
      "-k",
      "2",
    );
    assert.match(stdout, /^(\S+00[01]\.png\n( +[\d.]+ % {2}\S.*\n){2}){2}$/);
  });

  test("refuses what is neither run nor exported file, and images that are not there", async () => {
    const foreign = join(folder, "foreign.onnx");
    writeFileSync(foreign, "no network");
    for (const [source, paths, message] of [
      ["nowhere", [images], /^there is no nowhere; give the folder of a run or an ONNX file/],
      [images, [images], /images is not a run directory/],
      [foreign, [images], /foreign\.onnx is not an ONNX model/],
      [file, ["nowhere.png"], /^there is no image nowhere\.png$/],
      [file, [join(run, "checkpoints")], /checkpoints holds no image; images are files that end in \.jpg/],
    ] as const)
      await assert.rejects(predictAll(source, paths), { message });
    await assert.rejects(openPredictor(file, { checkpoint: "last" }), /leave --checkpoint out/);
  });

  test("opens a run that has been moved, and the model of it that is asked for", async () => {
    const moved = join(folder, "moved");
    renameSync(run, moved);
    const { code, stderr } = await peaHere("predict", moved, images, "--checkpoint", "last");
    renameSync(moved, run);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^last model of .*moved, step 24 of 24$/m);
  });
});

describe("images made ready for a network", () => {
  const pool = new DecodePool({ workers: 1 });

  test("in colour, are bit for bit those of an evaluation", async () => {
    const root = temporaryFolder();
    writeFiles(root, {
      "class/a.jpg": await noiseImage(1, 90, 61),
      "class/b.jpg": await noiseImage(2, 40, 70),
    });
    const size = { width: 32, height: 24 };
    const loader = new StreamingLoader(await openImageFolder(root), { batchSize: 2, pool, size });
    const expected: number[][] = [];
    for await (const batch of loader.batches())
      expected.push([...(batch.images.toTypedArray() as Float32Array)]);
    const files = await findImages([root]);
    const input = {
      shape: [3, 24, 32],
      crop: "central",
      exifOrientation: true,
      ...imagenetStatistics,
    } as const;
    const prepared = await prepareImages(files, input, pool);
    assert.deepEqual([[...prepared.images]], expected);
  });

  test("for a network of one channel, have PIL's luma", async () => {
    const path = join(temporaryFolder(), "colour.png");
    await sharp(await noiseImage(3, 28, 28))
      .png()
      .toFile(path);
    const script = `import sys; from PIL import Image; print(*Image.open(sys.argv[1]).convert("L").getdata())`;
    const luma = execFileSync("/usr/bin/python3", ["-c", script, path], { encoding: "utf8" })
      .split(" ")
      .map(Number);
    const input = { shape: [1, 28, 28], crop: "whole", exifOrientation: true, mean: [0], std: [1] } as const;
    const { images } = await prepareImages([path], input, pool);
    assert.deepEqual(
      Array.from(images, (value) => Math.round(255 * value)),
      luma,
    );
  });
});

test("classes are ranked by the softmax of their logits, equals by label", () => {
  const ranked = rank(Float32Array.of(Math.log(2), 0, Math.log(4), Math.log(2)), ["a", "b", "c", "d"]);
  assert.equal(ranked.map(({ class: name }) => name).join(""), "cadb");
  for (const [i, share] of [4 / 9, 2 / 9, 2 / 9, 1 / 9].entries())
    assert.ok(Math.abs((ranked[i]?.probability as number) - share) < 1e-7);
  assert.equal(rank(Float32Array.of(1000, 0), ["a", "b"])[0]?.probability, 1);
});
