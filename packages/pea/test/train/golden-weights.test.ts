/**
 * Training gives the same weights, bit for bit, as when `golden-weights.json` was recorded: a change that only moves code
 * leaves this test alone. Bits depend on the engine and the processor as well, so elsewhere the test is skipped.
 *
 * Where arithmetic is meant to change, record anew and say so in the commit:
 * RECORD=1 node --conditions=pea-source --import tsx --test packages/pea/test/train/golden-weights.test.ts
 */
import "../support/one-thread.ts";
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it, test } from "node:test";
import { listModels, makeScenes, type RecipeInput, train } from "pea-train";
import {
  currentEngine,
  differences,
  digestOfWeights,
  readGoldenWeights,
  writeGoldenWeights,
} from "../support/golden-weights.ts";
import { noiseImage, writeFiles } from "../support/images.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

const STEPS = 20;

const folder = temporaryFolder();
const photos = join(folder, "photos");
const scenes = join(folder, "scenes");

// 100 training images, 20 of them for validation: 10 steps an epoch.
const base: RecipeInput = {
  model: "mobilenet-0.25-small",
  dataDir: writeTinyData({ train: 100, test: 10 }),
  valFraction: 0.2,
  epochs: 2,
  batchSize: 8,
  lr: 0.05,
  cropPadding: 2,
  seed: 5,
  threads: 1,
};
// 50 training images, 10 of them for validation.
const onPhotos: RecipeInput = {
  ...base,
  data: "imagefolder",
  dataDir: photos,
  imageSize: 32,
  splitBy: "position",
  batchSize: 4,
  cropPadding: 0,
};
const onScenes: RecipeInput = {
  ...base,
  data: "cityscapes",
  dataDir: scenes,
  imageSize: "16x32",
  splitBy: "position",
  batchSize: 4,
};
const transition = { pea: "SM50%" } as const;

/** Recipes of the listed networks, narrow and on small images. */
const networks: Record<string, RecipeInput> = {
  "alexnet-bn": { ...onPhotos, ...transition, model: "alexnet-bn-0.0625", imageSize: 224 },
  resnet18: { ...base, ...transition, model: "resnet18-0.25" },
  // Wide enough for Winograd's convolutions.
  "resnet18-small": { ...base, ...transition, model: "resnet18-0.5-small" },
  resnet50: { ...base, ...transition, model: "resnet50-0.125" },
  "regnetx-200mf": { ...base, ...transition, model: "regnetx-200mf-0.25" },
  "regnetx-400mf": { ...base, ...transition, model: "regnetx-400mf-0.25" },
  "mobilenet-0.25": { ...base, ...transition, model: "mobilenet-0.25" },
  // Plain training; the ways below are of this network.
  "mobilenet-0.25-small": base,
  "mobilenet-v2": { ...base, ...transition, model: "mobilenet-v2-0.25" },
  "shufflenet-v2": { ...base, ...transition, model: "shufflenet-v2-0.5" },
  "efficientnet-lite0": { ...base, ...transition, model: "efficientnet-lite0-0.25" },
  resnet8: { ...onPhotos, ...transition, model: "resnet8" },
  "ds-cnn": { ...base, ...transition, model: "ds-cnn" },
  "mobilenet-vww": { ...onPhotos, ...transition, model: "mobilenet-vww" },
  erfnet: { ...onPhotos, ...transition, model: "erfnet-0.25" },
  "erfnet-segmentation": { ...onScenes, ...transition, model: "erfnet-segmentation-0.15" },
  unet: { ...onScenes, ...transition, model: "unet-0.125" },
};

const variants = ["W", "S"].flatMap((ensemble) => [..."GSME"].map((letter) => `${ensemble}${letter}50%`));
const smooth = ["gelu", "swish", "mish", "elu"] as const;

/** Ways of training a network, other than plainly. */
const ways: Record<string, Partial<RecipeInput>> = {
  ...Object.fromEntries(variants.map((pea) => [`variant ${pea}`, { pea }])),
  ...Object.fromEntries(smooth.map((activation) => [`${activation} all along`, { activation }])),
  "ReLU in place of Mish": { activation: "mish", swapToRelu: "50%" },
  "α by epochs, five of them": {
    ...{ epochs: 5, batchSize: 20 },
    ...{ pea: "WM80%", peaGranularity: "epoch", peaIndexing: "one-based" },
  },
  "α on a cosine, later at later sites": { pea: "WM50%", peaSchedule: "cosine", peaLag: 0.5 },
  "bfloat16, weighted": { model: "mobilenet-0.125-small", pea: "WG50%", amp: "bf16" },
  "bfloat16, stochastic": { model: "mobilenet-0.125-small", pea: "SM50%", amp: "bf16" },
  "micro-batches of 3": { ...transition, microBatch: 3 },
  "SGD as Keras's, with Nesterov's momentum": { ...transition, nesterov: true, sgdForm: "keras" },
  RAdam: { ...transition, optimizer: "radam", lr: 0.005 },
  "RAdam, decoupled decay": {
    ...{ ...transition, optimizer: "radam", lr: 0.005 },
    ...{ radam: { decay: "decoupled" }, l2: { form: "half", parameters: "all" } },
  },
  "label smoothing, clipped gradients and a learning rate in steps": {
    ...{ ...transition, labelSmoothing: 0.1, clipGradNorm: 1, lrSchedule: "step" },
  },
  "batch norm's statistics anew before evaluations": { ...transition, batchNormReestimate: 3 },
  "dropout in MobileNet": { ...transition, modelOptions: { dropout: 0.2 } },
};

const runs: Record<string, RecipeInput> = {
  ...networks,
  ...Object.fromEntries(Object.entries(ways).map(([name, way]) => [name, { ...base, ...way }])),
  "a streamed folder of images": { ...onPhotos, ...transition },
  "WM50% in residual blocks": { ...base, model: "resnet18-0.25-small", pea: "WM50%" },
};

const engine = currentEngine();
/** Nothing while recording. */
const golden = process.env.RECORD === "1" ? null : readGoldenWeights();
const elsewhere = golden === null ? "" : differences(golden.engine, engine);
const skip = elsewhere !== "" && `recorded on another engine or processor: ${elsewhere}`;

test("every listed network has a run, but the one that names no classes", () => {
  const names = listModels().map(({ name }) => name);
  assert.deepEqual(
    Object.keys(networks),
    names.filter((name) => name !== "autoencoder"),
  );
});

describe(`weights after ${STEPS} steps`, { skip }, () => {
  const weights: Record<string, string> = {};

  before(async () => {
    for (let i = 0; i < 60; i++) {
      const part = i < 50 ? "train" : "val";
      const image = await noiseImage(i, 40 + (i % 7), 52 - (i % 5));
      writeFiles(photos, { [`${part}/${["blue", "red"][i % 2]}/${i}.jpg`]: image });
    }
    await makeScenes(scenes, { size: { height: 32, width: 64 }, counts: { train: 50, val: 2, test: 0 } });
  });

  for (const [name, recipe] of Object.entries(runs))
    it(`are those recorded: ${name}`, async () => {
      const run = await train(recipe, { runDirectory: join(folder, "runs", name) });
      assert.equal(run.steps, STEPS);
      weights[name] = digestOfWeights(run.runDirectory);
      if (golden)
        assert.equal(weights[name], golden.weights[name], "training gives other bits than recorded");
    });

  it("are recorded of these runs and no others", { skip: golden === null && "recording" }, () => {
    assert.deepEqual(Object.keys(golden?.weights ?? {}), Object.keys(runs));
  });

  after(() => {
    if (golden !== null) return;
    assert.deepEqual(Object.keys(weights), Object.keys(runs), "all runs are recorded, or none");
    writeGoldenWeights({ engine, weights });
  });
});
