import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import sharp from "sharp";
import { DecodePool } from "../../src/data/loading/decode-pool.ts";
import { exportRun } from "../../src/export/export.ts";
import { findImages } from "../../src/predict/image-files.ts";
import { openPredictor } from "../../src/predict/predictor.ts";
import { prepareImages } from "../../src/predict/prepare-images.ts";
import { type RecipeInput, resolveRecipe } from "../../src/recipe/recipe.ts";
import { evaluationLoader } from "../../src/run/loaders.ts";
import { disposeRun } from "../../src/run/prepare-run.ts";
import { openTrainedRun } from "../../src/run/trained-run.ts";
import { train } from "../../src/train/train.ts";
import { noiseImage, writeFiles } from "../support/images.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const folder = temporaryFolder();
const dataDir = join(folder, "noise");
const pool = new DecodePool({ workers: 1 });
after(() => pool.close());

before(async () => {
  for (let i = 0; i < 8; i++) {
    const name = `${i < 6 ? "train" : "val"}/${i % 2 ? "a" : "b"}/${i}.jpg`;
    writeFiles(dataDir, { [name]: await noiseImage(i, 40 + 3 * i, 60 - 2 * i) });
  }
});

const recipe: RecipeInput = {
  model: "mobilenet-0.02-small",
  data: "imagefolder",
  imageSize: "24x32",
  epochs: 1,
  batchSize: 3,
  lr: 0.01,
  valFraction: 0,
  threads: 1,
};
const resolve = (settings: RecipeInput) => resolveRecipe({ source: "the test", settings });

describe("evalCrop", () => {
  it("follows trainCrop: whole where the whole image is trained on, else the central part", () => {
    const followed = (settings: RecipeInput) => resolve({ ...recipe, ...settings }).evalCrop;
    assert.equal(followed({}), "central");
    assert.equal(followed({ trainCrop: "torchvision" }), "central");
    assert.equal(followed({ trainCrop: "whole" }), "whole");
    assert.equal(followed({ trainCrop: "whole", cropPadding: 4 }), "whole");
    assert.equal(followed({ trainCrop: "whole", evalCrop: "central" }), "central");
    assert.equal(followed({ trainCrop: "distorted", evalCrop: 36 }), 36);
  });

  it("is refused where it has no meaning, or is smaller than the image's size", () => {
    for (const [settings, message] of [
      [{ evalCrop: "whole" }, /evalCrop is "whole", but images of "fashion-mnist" are taken as they are/],
      [{ data: "cityscapes", evalCrop: 300 }, /evalCrop is 300, but images of "cityscapes" are taken whole/],
      [
        { ...recipe, evalCrop: "distorted" },
        /evalCrop is "distorted", but must be central, whole, or a whole/,
      ],
      [{ ...recipe, evalCrop: 31 }, /evalCrop is 31, but must be .* at least .*: imageSize is "24x32"/],
      [{ data: "webdataset", evalCrop: 223 }, /evalCrop is 223, .*: imageSize is 224/],
    ] as [RecipeInput, RegExp][])
      assert.throws(() => resolve(settings), { kind: "usage", message });
  });
});

/** Noise in a frame of one pixel, which alone tells its class. */
async function framedImage(seed: number, frame: number): Promise<Buffer> {
  const inner = sharp(await noiseImage(seed, 14, 14));
  const sides = { top: 1, bottom: 1, left: 1, right: 1 };
  return inner
    .extend({ ...sides, background: { r: frame, g: frame, b: frame } })
    .png()
    .toBuffer();
}

describe("classes that the outermost pixels alone tell apart", () => {
  const frames = join(folder, "frames");
  before(async () => {
    for (let i = 0; i < 48; i++) {
      const name = `${i < 32 ? "train" : "test"}/${i % 2 ? "bright" : "dark"}/${i}.png`;
      writeFiles(frames, { [name]: await framedImage(i, i % 2 ? 255 : 0) });
    }
  });
  const scored = async (settings: RecipeInput) => {
    const framed = { dataDir: frames, imageSize: 16, model: "resnet8", batchSize: 8, epochs: 8, lr: 0.05 };
    const { last } = await train(
      { ...recipe, ...framed, trainCrop: "whole", ...settings },
      { runDirectory: temporaryFolder() },
    );
    return last.test.top1 as number;
  };

  it("are told apart in the evaluation of a run that trains on whole images", async () => {
    assert.equal(await scored({}), 100);
  });
  it("are not where the evaluation cuts these off", async () => {
    assert.ok((await scored({ evalCrop: "central" })) <= 75);
  });
});

/** What the network of a run, or of its file, is fed with. */
async function inputOf(source: string): Promise<Float32Array> {
  const predictor = await openPredictor(source);
  await predictor.close();
  const prepared = await prepareImages(await findImages([join(dataDir, "val")]), predictor.input, pool);
  return prepared.images;
}

async function evaluationInput(path: string): Promise<Float32Array> {
  const trained = await openTrainedRun(path);
  try {
    for await (const { images } of evaluationLoader(trained.data.test, trained.data, "cpu").batches())
      return images.toTypedArray() as Float32Array;
    throw new Error("no batch");
  } finally {
    disposeRun(trained);
  }
}

describe("a run's evaluation, predict on the run and predict on its file", () => {
  const seen: Float32Array[] = [];
  for (const evalCrop of ["central", "whole", 40] as const)
    it(`have the same input to the bit with evalCrop ${evalCrop}`, async () => {
      const runDirectory = join(folder, `run-${evalCrop}`);
      await train({ ...recipe, dataDir, evalCrop }, { runDirectory });
      const { file } = await exportRun(runDirectory);
      const expected = await evaluationInput(runDirectory);
      for (const source of [runDirectory, file]) assert.deepEqual(await inputOf(source), expected);
      for (const other of seen) assert.notDeepEqual(other, expected);
      seen.push(expected);
    });
});
