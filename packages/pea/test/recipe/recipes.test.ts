import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { setNumThreads } from "@pea/torch";
import { exportRun } from "../../src/export/export.ts";
import { type Recipe, resolveRecipe } from "../../src/recipe/recipe.ts";
import { readRecipeFile } from "../../src/recipe/recipe-file.ts";
import { joints } from "../../src/run/plan.ts";
import { disposeRun, prepareWithoutData } from "../../src/run/prepare-run.ts";
import { makeImageFolder } from "../../src/scenes/make-image-folder.ts";
import { makeScenes } from "../../src/scenes/make-scenes.ts";
import { train } from "../../src/train/train.ts";
import { peaHere } from "../support/pea-main.ts";
import { fingerprint, trainInParts } from "../support/run-in-parts.ts";
import { assertScoresAgree } from "../support/scores-agree.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

setNumThreads(1);

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const read = (name: string, settings: object = {}): Recipe =>
  resolveRecipe(...readRecipeFile(join(root, "recipes", `${name}.yaml`)), { source: "the test", settings });

const near = (actual: number | undefined, expected: number, relative = 1e-9) =>
  assert.ok(
    actual !== undefined && Math.abs(actual - expected) <= relative * Math.abs(expected),
    `${actual} is not ${expected}`,
  );

/** What a dry run shows, of data that are not there. */
async function plan(name: string, pea: string) {
  const run = await prepareWithoutData(read(name, { pea }));
  try {
    const { info, plan, methods, images } = run;
    const at = new Map(joints(plan, methods).map((joint) => [joint.step, joint]));
    return { info, plan, images, phases: methods.phases, at };
  } finally {
    disposeRun(run);
  }
}

const ends = (phases: readonly { endStep: number }[]) => phases.map(({ endStep }) => endStep);

// Networks and weight decay by spec networks.md 10 and recipes 1.9.
const imagenet = [
  { name: "alexnet-bn", params: 60_974_792, macs: 724_406_816, sites: 7, lr: 0.05, coef: 1e-4 },
  { name: "resnet18", params: 11_689_512, macs: 1_814_073_344, sites: 17, lr: 0.1, coef: 1e-4 },
  { name: "resnet50", params: 25_557_032, macs: 4_089_184_256, sites: 49, lr: 0.1, coef: 1e-4 },
  { name: "erfnet", params: 2_003_044, macs: 2_058_937_088, sites: 55, lr: 0.1, coef: 1e-4 },
  { name: "mobilenet-0.25", params: 470_072, macs: 41_030_272, sites: 27, lr: 0.1, coef: 4e-5 },
] as const;

for (const { name, params, macs, sites, lr, coef } of imagenet)
  describe(`the recipe of ${name} on ImageNet`, () => {
    it("has the spec's network, steps, phases and learning rates (spec recipes 1.1, 2.2)", async () => {
      const long = await plan(`imagenet/${name}`, "SM115");
      assert.deepEqual([long.info.parameters, long.info.macs, long.info.sites], [params, macs, sites]);
      assert.deepEqual(long.images, { train: 1_281_167, validation: 50_000, test: 50_000 });
      assert.deepEqual([long.plan.stepsPerEpoch, long.plan.totalSteps], [5004, 600_480]);
      assert.deepEqual(ends(long.phases), [25_020, 575_460, 600_480]);
      for (const [step, factor] of [
        [25_020, 1],
        [150_121, 0.1],
        [300_241, 0.01],
        [400_321, 0.001],
        [600_479, 0.001],
      ] as const)
        near(long.at.get(step)?.learningRate, lr * factor);
      assert.equal(long.at.get(0)?.learningRate, 0);
      assert.equal(long.at.get(575_460)?.scalars.alpha, 1);
      // One step behind the drop of epoch 60, where α is 0.5.
      near(long.at.get(300_241)?.scalars.alpha, 0.5 + 1.8167284e-6, 1e-9);
    });

    it("has the other settings of spec recipes 1", () => {
      const recipe = read(`imagenet/${name}`);
      assert.ok(recipe.optimizer === "sgd");
      const { momentum, nesterov, sgdForm, l2, batchSize, epochs, labelSmoothing, clipGradNorm, amp } =
        recipe;
      assert.deepEqual([momentum, nesterov, sgdForm], [0.9, false, "keras"]);
      assert.deepEqual(l2, { coef, form: "keras", parameters: "kernels" });
      assert.deepEqual([batchSize, epochs, labelSmoothing, clipGradNorm, amp], [256, 120, 0.1, 0, "none"]);
      assert.deepEqual([recipe.trainCrop, recipe.flip, recipe.cropPadding], ["distorted", true, 0]);
      assert.deepEqual([recipe.pea, recipe.activation, recipe.seed], ["none", "relu", 0]);
    });
  });

it("the shorter setting of ImageNet has its phases (spec recipes 2.2)", async () => {
  assert.deepEqual(ends((await plan("imagenet/mobilenet-0.25", "WG90")).phases), [25_020, 450_360, 600_480]);
});

describe("the recipe of ERFNet on Cityscapes", () => {
  it("has the spec's network, steps, phases and learning rates (spec recipes 2.2, 3.1)", async () => {
    const long = await plan("cityscapes/erfnet", "WM450");
    assert.deepEqual([long.info.parameters, long.info.macs, long.info.sites], [2_064_191, 6_651_084_800, 73]);
    assert.deepEqual(long.images, { train: 2975, validation: 500, test: 500 });
    assert.deepEqual([long.plan.stepsPerEpoch, long.plan.totalSteps], [119, 59_500]);
    assert.deepEqual(ends(long.phases), [595, 53_550, 59_500]);
    assert.deepEqual(ends((await plan("cityscapes/erfnet", "WG350")).phases), [595, 41_650, 59_500]);
    near(long.at.get(119)?.learningRate, 1e-3);
    near(long.at.get(53_550)?.learningRate, 2.46e-5, 2e-3);
    near(long.at.get(59_499)?.learningRate, 6.9975e-13, 1e-3);
  });

  it("has the other settings of spec recipes 3 and 4.1", () => {
    const recipe = read("cityscapes/erfnet");
    assert.ok(recipe.optimizer === "radam");
    const { radam, l2, batchSize, labelSmoothing, flip, cropPadding, imageSize, modelOptions } = recipe;
    assert.deepEqual(radam, {
      betas: [0.9, 0.999],
      eps: 1e-8,
      decay: "l2",
      rhoThreshold: 5,
      unrectified: "momentum",
    });
    assert.deepEqual(l2, { coef: 1e-4, form: "half", parameters: "all" });
    assert.deepEqual([batchSize, labelSmoothing, flip, cropPadding, imageSize], [25, 0, true, 2, "256x512"]);
    assert.deepEqual(modelOptions, { dropout: [0.03, 0.3, 0], init: "torch-default" });
  });
});

describe("a dry run without data", () => {
  it("says that nothing was counted", async () => {
    const words = ["train", "-c", join(root, "recipes/imagenet/mobilenet-0.25.yaml"), "--dry-run"];
    const { stdout } = await peaHere(...words);
    assert.match(stdout, /1281167 training, .* \(as the recipe expects; none was opened\)/);
    const { counted, steps } = JSON.parse((await peaHere(...words, "--json")).stdout);
    assert.deepEqual([counted, steps], [false, 600_480]);
  });

  it("needs a recipe that says what the data hold", async () => {
    const { code, stderr } = await peaHere("train", "--data", "imagefolder", "--dry-run");
    assert.equal(code, 2);
    assert.match(stderr, /needs --data-dir.*`expected` says how many/s);
  });
});

describe("recipes/README.md", () => {
  const text = readFileSync(join(root, "recipes/README.md"), "utf8");
  const commands = [...text.matchAll(/`pea train (-c [^`]+)`/g)];
  it("has commands with recipes and flags that are there", async () => {
    assert.ok(commands.length >= 20);
    for (const [, words = ""] of commands) {
      const [file = "", ...flags] = words.trim().split(/\s+/).slice(1);
      // A folder that is not there: the command line is read to its end, and stops before any work.
      const given = ["train", "-c", join(root, file), ...flags, "--run", join(temporaryFolder(), "run")];
      const { code, stderr } = await peaHere(...given);
      assert.equal(code, 2, words);
      assert.match(stderr, /\/data\/\w+.*(ENOENT|cannot read|no such)/s, words);
    }
  });
});

describe("the twin of each recipe", () => {
  const folders = { images: join(temporaryFolder(), "images"), scenes: join(temporaryFolder(), "scenes") };
  before(async () => {
    await makeImageFolder(folders.images, { counts: { train: 60, val: 20 } });
    await makeScenes(folders.scenes, { counts: { train: 32, val: 6, test: 1 } });
  });
  const twins = readdirSync(join(root, "recipes/smoke"))
    .map((file) => file.replace(/\.yaml$/, ""))
    .filter((name) => name !== "common");

  it("is there", () => {
    const classifiers = imagenet.map(({ name }) => name);
    assert.deepEqual(twins.toSorted(), [...classifiers, "erfnet-segmentation"].toSorted());
  });

  for (const name of twins)
    it(`${name} trains, resumes bit for bit, evaluates and exports`, async () => {
      const dataDir = name === "erfnet-segmentation" ? folders.scenes : folders.images;
      const recipe = read(`smoke/${name}`, { dataDir, pea: "SM75%", epochs: 2, threads: 1 });
      const whole = await train(recipe, { runDirectory: join(temporaryFolder(), "run") });
      const parted = await trainInParts(recipe, [Math.floor(whole.steps / 2) - 1]);
      assert.deepEqual(fingerprint(parted.runDirectory), fingerprint(whole.runDirectory));
      const { stdout, stderr } = await peaHere("eval", parted.runDirectory, "--checkpoint", "last", "--json");
      assert.notEqual(stdout, "", stderr);
      const { scores } = JSON.parse(stdout);
      if (name === "erfnet-segmentation") assertScoresAgree(scores.current, whole.last.test);
      else assert.deepEqual(scores.current, whole.last.test);
      // Throws where ONNX Runtime computes something else, or another activation than ReLU is left.
      assert.ok((await exportRun(parted.runDirectory)).bytes > 0);
    });
});
