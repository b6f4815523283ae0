import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Adam, RAdam, type SGD } from "@pea/torch";
import type { Dataset } from "../../src/data/parts/dataset.ts";
import { countSamples } from "../../src/data/parts/part.ts";
import { type RecipeInput, resolveRecipe } from "../../src/recipe/recipe.ts";
import { openData } from "../../src/run/open-data.ts";
import { planTraining } from "../../src/run/plan.ts";
import { disposeRun, prepareRun } from "../../src/run/prepare-run.ts";
import { writeTinyData } from "../support/tiny-data.ts";

const dataDir = writeTinyData();
const resolve = (settings: RecipeInput) =>
  resolveRecipe({
    source: "the test",
    settings: { model: "mobilenet-0.02-small", dataDir, batchSize: 32, threads: 1, ...settings },
  });

describe("the plan of a run", () => {
  it("lays the paper's ImageNet recipe over its images (spec recipes 1.1 and 1.2)", () => {
    const plan = planTraining(
      resolve({ epochs: 120, batchSize: 256, lr: 0.1, lrSchedule: "step", lrSteps: [30, 60, 80], warmup: 5 }),
      1_281_167,
    );
    assert.deepEqual([plan.stepsPerEpoch, plan.totalSteps], [5004, 600_480]);
    assert.equal(plan.learningRate.warmupSteps, 25_020);
    assert.deepEqual(plan.learningRate.boundaries, [150_120, 300_240, 400_320]);
  });

  it("takes durations as epochs, shares and steps, and ignores the falls of another schedule", () => {
    const plan = planTraining(resolve({ epochs: 10, batchSize: 10, warmup: "25st", selectFrom: "75%" }), 109);
    assert.deepEqual([plan.stepsPerEpoch, plan.totalSteps], [10, 100]);
    assert.deepEqual([plan.learningRate.warmupSteps, plan.selectFromStep], [25, 75]);
    assert.deepEqual(plan.learningRate.boundaries, []);
  });

  it("refuses a batch larger than the data, and what is longer than the run", () => {
    assert.throws(
      () => planTraining(resolve({ batchSize: 256 }), 255),
      /batchSize is 256.* only 255 training .*; lower batchSize$/,
    );
    assert.throws(
      () => planTraining(resolve({ batchSize: 256, limitTrain: 255 }), 255),
      /; lower batchSize or raise limitTrain$/,
    );
    assert.throws(
      () => planTraining(resolve({ epochs: 2, warmup: 3 }), 32),
      /warmup is 3 \(3 steps\).* only 2/,
    );
  });
});

describe("the data of a run", () => {
  it("keep the validation part whatever limitTrain is", async () => {
    const [all, few, share] = await Promise.all(
      [1, 50, 0.5].map((limitTrain) => openData(resolve({ limitTrain }))),
    );
    assert.deepEqual(
      [all, few, share].map((data) => data && countSamples(data.train)),
      [220, 50, 110],
    );
    const pixels = [all, few, share].map((data) => {
      const validation = data?.validation;
      return Array.from((validation as Dataset).images.toTypedArray(), Number);
    });
    assert.deepEqual(pixels[1], pixels[0]);
    assert.deepEqual(pixels[2], pixels[0]);
  });

  it("have no more validation images than limitTrain leaves for training, but in runs older than that rule", async () => {
    const recipe = resolve({ limitTrain: 10 });
    const [all, few] = [await openData(resolve({})), await openData(recipe)];
    assert.deepEqual([countSamples(few.train), countSamples(few.validation as Dataset)], [10, 10]);
    const images = (data: typeof all) => {
      const { images } = data.validation as Dataset;
      const pixels = Array.from(images.toTypedArray(), Number);
      const size = images.numel / (images.shape[0] as number);
      return Array.from({ length: pixels.length / size }, (_, i) =>
        String(pixels.slice(i * size, (i + 1) * size)),
      );
    };
    const known = new Set(images(all));
    assert.ok(images(few).every((image) => known.has(image)));
    const { validation } = few.identify();
    assert.equal(validation.length, countSamples(all.validation as Dataset), "the record has the whole part");
    assert.equal(few.nameOf("validation", validation.length - 1), `image ${validation.length - 1}`);
    const older = await openData(recipe, { record: { facts: null, parts: null } });
    assert.equal(countSamples(older.validation as Dataset), countSamples(all.validation as Dataset));
  });

  it("have no validation part with valFraction 0, and refuse more images than there are", async () => {
    assert.equal((await openData(resolve({ valFraction: 0 }))).validation, null);
    await assert.rejects(openData(resolve({ limitTrain: 221 })), /limitTrain is 221.* only 220/);
  });
});

describe("weight decay", () => {
  const groupsOf = async (form: "keras" | "half") => {
    const run = await prepareRun(resolve({ l2: { coef: 1e-4, form } }));
    const groups = (run.optimizer as SGD).groups.map(({ parameters, weightDecay }) => ({
      scalars: parameters.reduce((sum, parameter) => sum + parameter.numel, 0),
      weightDecay,
    }));
    const { parameters } = run.info;
    disposeRun(run);
    return { groups, parameters };
  };

  it("has twice the gradient in Keras' form (spec recipes 1.4)", async () => {
    assert.deepEqual(
      (await groupsOf("keras")).groups.map(({ weightDecay }) => weightDecay),
      [2e-4, 0],
    );
    assert.deepEqual(
      (await groupsOf("half")).groups.map(({ weightDecay }) => weightDecay),
      [1e-4, 0],
    );
  });

  it("covers every parameter in one of the groups", async () => {
    const { groups, parameters } = await groupsOf("half");
    assert.equal(
      groups.reduce((sum, { scalars }) => sum + scalars, 0),
      parameters,
    );
    assert.ok(groups.every(({ scalars }) => scalars > 0));
  });
});

describe("the optimizer of a recipe", () => {
  it("is SGD in the form asked for", async () => {
    for (const [sgdForm, kind] of [
      ["pytorch", "SGD (momentum)"],
      ["keras", "SGD (velocity)"],
    ] as const) {
      const run = await prepareRun(resolve({ sgdForm }));
      assert.equal(run.optimizer.kind, kind);
      disposeRun(run);
    }
  });

  it("is RAdam with the recipe's settings, which may let all parameters decay", async () => {
    const run = await prepareRun(
      resolve({
        optimizer: "radam",
        lr: 1e-3,
        radam: { betas: [0.8, 0.99], eps: 1e-7, decay: "decoupled", rhoThreshold: 4, unrectified: "skip" },
        l2: { coef: 1e-4, form: "half", parameters: "all" },
      }),
    );
    assert.ok(run.optimizer instanceof RAdam);
    assert.equal(run.optimizer.groups.length, 1);
    const [{ parameters, ...settings }] = run.optimizer.groups as [RAdam["groups"][number]];
    assert.deepEqual(settings, {
      lr: 1e-3,
      betas: [0.8, 0.99],
      eps: 1e-7,
      weightDecay: 1e-4,
      decay: "decoupled",
      rhoThreshold: 4,
      unrectified: "skip",
    });
    assert.equal(parameters.length, run.model.parameters().length);
    disposeRun(run);
  });
});

describe("Adam and AdamW of a recipe", () => {
  for (const [optimizer, weightDecay, decay] of [
    ["adam", 2e-4, "l2"],
    ["adamw", 1e-4, "decoupled"],
  ] as const)
    it(`${optimizer} decays by ${decay}`, async () => {
      const run = await prepareRun(resolve({ optimizer, lr: 1e-3, l2: { coef: 1e-4 }, adam: { eps: 1e-7 } }));
      assert.ok(run.optimizer instanceof Adam);
      const [{ parameters, ...settings }] = run.optimizer.groups as [Adam["groups"][number]];
      assert.deepEqual(settings, { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-7, weightDecay, decay });
      disposeRun(run);
    });
});

describe("what a recipe expects of its data", () => {
  const expected = { train: 240, test: 60, classes: 10 };
  it("is checked when they are opened", async () => {
    disposeRun(await prepareRun(resolve({ expected })));
    await assert.rejects(prepareRun(resolve({ expected: { ...expected, train: 300 } })), {
      kind: "usage",
      message:
        /the recipe expects 300 training images \(expected\.train\), but the fashion-mnist data have 240; .*--expected-train 240/,
    });
  });
});

describe("the choice of the best model", () => {
  it("can be made on the test images, as in the paper, with nothing split off", async () => {
    const { train, validation, test } = await openData(resolve({ validateOn: "test", valFraction: 0 }));
    assert.equal(countSamples(train), 240);
    assert.equal(validation, test);
  });
});

describe("a seed", () => {
  const firstWeights = async (seed: number) => {
    const run = await prepareRun(resolve({ seed }));
    const values = Array.from(run.model.parameters()[0]?.toTypedArray() ?? [], Number);
    disposeRun(run);
    return values;
  };

  it("fixes the weights a run begins with", async () => {
    assert.deepEqual(await firstWeights(1), await firstWeights(1));
    assert.notDeepEqual(await firstWeights(1), await firstWeights(2));
  });
});
