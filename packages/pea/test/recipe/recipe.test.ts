import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { PeaError } from "@pea/core";
import { type Recipe, resolveRecipe } from "../../src/recipe/recipe.ts";
import { readRecipeFile } from "../../src/recipe/recipe-file.ts";
import { recipeFlags } from "../../src/recipe/recipe-flags.ts";
import { recipeSchema } from "../../src/recipe/recipe-schema.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const resolve = (settings: unknown) => resolveRecipe({ source: "recipe.yaml", settings });

/** Asserts a usage error whose message has all of the parts. */
function refuses(settings: unknown, ...parts: string[]): void {
  assert.throws(
    () => resolve(settings),
    (error) => {
      assert.ok(error instanceof PeaError);
      assert.equal(error.kind, "usage");
      for (const part of parts) assert.ok(error.message.includes(part), `"${error.message}" lacks "${part}"`);
      return true;
    },
  );
}

describe("a recipe", () => {
  it("is complete without a single key", () => {
    const recipe = resolve({});
    assert.equal(recipe.pea, "none");
    assert.equal(recipe.activation, "relu");
    assert.deepEqual(recipe.l2, { coef: 4e-5, form: "keras", parameters: "kernels" });
  });

  it("has the paper's weight decay for its network unless it says another", () => {
    const decay = (settings: object) => resolve(settings).l2;
    assert.deepEqual(decay({ model: "mobilenet-0.25" }), {
      coef: 4e-5,
      form: "keras",
      parameters: "kernels",
    });
    assert.deepEqual(decay({ model: "resnet18-small" }), {
      coef: 1e-4,
      form: "keras",
      parameters: "kernels",
    });
    assert.deepEqual(decay({ model: "a-network-of-ones-own" }), {
      coef: 1e-4,
      form: "keras",
      parameters: "kernels",
    });
    assert.deepEqual(decay({ model: "resnet18", l2: { form: "half" } }), {
      coef: 1e-4,
      form: "half",
      parameters: "kernels",
    });
    assert.deepEqual(decay({ model: "resnet18", l2: { coef: 0 } }), {
      coef: 0,
      form: "keras",
      parameters: "kernels",
    });
  });

  it("takes later layers over earlier ones, key by key, within l2 as well", () => {
    const recipe = resolveRecipe(
      { source: "recipe.yaml", settings: { epochs: 3, lr: 0.5, l2: { coef: 1e-4, form: "half" } } },
      { source: "the flags", settings: { lr: 0.1, l2: { coef: 2e-4 } } },
    );
    assert.equal(recipe.epochs, 3);
    assert.equal(recipe.lr, 0.1);
    assert.deepEqual(recipe.l2, { coef: 2e-4, form: "half", parameters: "kernels" });
  });

  it("goes through its own resolved form unchanged", () => {
    for (const settings of [
      { pea: "SM75%", warmup: "1ep", lrSteps: [3, "50%"] },
      { optimizer: "radam", radam: { eps: 1e-7 }, l2: { form: "half", parameters: "all" } },
      { optimizer: "adamw", adam: { eps: 1e-7 }, lrSchedule: "onecycle" },
      { model: "erfnet", modelOptions: { dropout: 0.2, extraMaxPool: true } },
      { data: "tfrecord", expected: { train: 100, test: 10, classes: 2 } },
    ]) {
      const recipe = resolve(settings);
      assert.deepEqual(resolve(recipe), recipe);
    }
  });

  it("holds the settings of its optimizer alone", () => {
    const { momentum, nesterov, sgdForm, ...sgd } = resolve({}) as Extract<Recipe, { optimizer: "sgd" }>;
    assert.deepEqual([momentum, nesterov, sgdForm], [0.9, false, "pytorch"]);
    assert.ok(!("radam" in sgd));
    const radam = resolve({ optimizer: "radam", radam: { rhoThreshold: 4 } });
    assert.deepEqual(radam.optimizer === "radam" && radam.radam, {
      betas: [0.9, 0.999],
      eps: 1e-8,
      decay: "l2",
      rhoThreshold: 4,
      unrectified: "momentum",
    });
    assert.equal(radam.momentum, undefined);
    const adamw = resolve({ optimizer: "adamw", adam: { eps: 1e-7 } });
    assert.deepEqual("adam" in adamw && adamw.adam, { betas: [0.9, 0.999], eps: 1e-7 });
  });

  it("has other defaults where others are usual: AdamW's decay is no penalty, one cycle rises for 30 %", () => {
    assert.equal(resolve({ optimizer: "adamw", l2: { coef: 0.01 } }).l2.form, "half");
    assert.equal(resolve({ optimizer: "adam" }).l2.form, "keras");
    assert.deepEqual(
      [{ lrSchedule: "onecycle" }, { lrSchedule: "onecycle", warmup: "1ep" }, {}].map(
        (settings) => resolve(settings).warmup,
      ),
      ["30%", "1ep", "4%"],
    );
  });

  it("may say where labels begin, in formats that leave it open", () => {
    for (const data of ["tfrecord", "webdataset", "idx"])
      assert.equal(resolve({ data, dataDir: "d", labelBase: 1 }).labelBase, 1);
    refuses({ data: "tfrecord", labelBase: 2 }, "labelBase is 2, but must be 0 or 1");
    refuses({ data: "imagefolder", labelBase: 1 }, 'labelBase is 1, but "imagefolder" leaves no choice');
  });

  it("may leave images as they are stored, where they have an EXIF orientation", () => {
    const settings = { exifOrientation: false };
    assert.equal(resolve({ ...settings, data: "imagefolder", dataDir: "d" }).exifOrientation, false);
    for (const data of ["fashion-mnist", "idx", "cifar10", "cifar100"])
      refuses(
        { ...settings, data, dataDir: "d" },
        `images of "${data}" have no EXIF orientation that could be left aside; leave exifOrientation out`,
      );
  });

  it("may go on without images that cannot be read, where each is a file or record of its own", () => {
    const settings = { onBadSample: "skip", dataDir: "d" };
    for (const data of ["imagefolder", "tfrecord", "webdataset", "cityscapes"])
      assert.equal(resolve({ ...settings, data }).onBadSample, "skip");
    for (const data of ["fashion-mnist", "idx", "cifar10", "cifar100"])
      refuses({ ...settings, data }, `onBadSample is "skip", but images of "${data}" are read whole`);
  });

  it("may go on without files of a numbered set, where data are such", () => {
    const settings = { onMissingShard: "skip", dataDir: "d" };
    for (const data of ["tfrecord", "webdataset"])
      assert.equal(resolve({ ...settings, data }).onMissingShard, "skip");
    for (const data of ["imagefolder", "cityscapes", "fashion-mnist"])
      refuses({ ...settings, data }, `onMissingShard is "skip", but "${data}" is no numbered set`);
  });

  it("takes a key back to its default where a later layer has null", () => {
    const recipe = resolveRecipe(
      { source: "a", settings: { lr: 0.5, l2: { coef: 1 } } },
      { source: "b", settings: { lr: null, l2: null } },
    );
    assert.equal(recipe.lr, 0.2);
    assert.equal(recipe.l2.coef, 4e-5);
  });

  it("begins with what the recipe has that it extends, whose path starts at its own folder", () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "below"));
    writeFileSync(join(folder, "base.yaml"), "lr: 0.5\nepochs: 7\nl2: { coef: 1, form: half }");
    writeFileSync(join(folder, "below", "middle.yaml"), "extends: ../base.yaml\nlr: 0.4\nl2: { coef: 2 }");
    writeFileSync(join(folder, "below", "top.yaml"), "extends: middle.yaml\nseed: 3");
    const { lr, epochs, seed, l2 } = resolveRecipe(...readRecipeFile(join(folder, "below", "top.yaml")));
    assert.deepEqual([lr, epochs, seed, l2.coef, l2.form], [0.4, 7, 3, 2, "half"]);
    writeFileSync(join(folder, "base.yaml"), "extends: below/top.yaml");
    assert.throws(() => readRecipeFile(join(folder, "base.yaml")), /base\.yaml extends itself/);
    writeFileSync(join(folder, "base.yaml"), "extends: [a.yaml, 3]");
    assert.throws(() => readRecipeFile(join(folder, "base.yaml")), /extends is \["a\.yaml",3\]/);
  });

  it("takes the last of several recipes it extends over those before", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "one.yaml"), "lr: 0.5\nepochs: 7\nmomentum: 0.8");
    writeFileSync(join(folder, "two.yaml"), "lr: 0.4\nepochs: 3\nmomentum: null");
    writeFileSync(join(folder, "both.yaml"), "extends: [one.yaml, two.yaml]\nepochs: 2");
    const { lr, epochs, momentum } = resolveRecipe(...readRecipeFile(join(folder, "both.yaml")));
    assert.deepEqual([lr, epochs, momentum], [0.4, 2, 0.9]);
  });

  it("knows Swish as SiLU, and keeps it by the one name", () => {
    const { activation } = resolve({ activation: "silu" });
    assert.equal(activation, "swish");
  });
});

describe("a wrong recipe", () => {
  it("names the key, its value and what is allowed", () => {
    refuses({ lr: -1 }, "lr is -1", "a number of at least 0");
    refuses({ epochs: 1.5 }, "epochs is 1.5", "a whole number of at least 1");
    refuses({ amp: "fp16" }, 'amp is "fp16"', "none, bf16");
    refuses({ warmup: "soon" }, 'warmup is "soon"', "75%");
    refuses({ pea: "XQ9" }, 'pea is "XQ9"', "SM75%");
    refuses(
      { pea: "WQ9" },
      'pea is "WQ9"',
      "one of G, S, M, E, H, T, O for the network's own, or one that an imported module registers",
    );
    refuses(
      { activation: "selu" },
      'activation is "selu"',
      "relu, gelu, swish, mish, elu, hardswish, gelu-tanh, or one that",
    );
    refuses({ lrSteps: "5ep" }, 'lrSteps is "5ep"', "a list of durations");
    refuses({ l2: { coef: 1e-4, form: "torch" } }, 'l2.form is "torch"', "keras, half");
    refuses({ l2: 1e-4 }, "l2 is 0.0001", "must hold coef, form, parameters");
    refuses({ limitTrain: 10.5 }, "limitTrain is 10.5", "whole number of images");
    refuses({ optimizer: "lion" }, 'optimizer is "lion"', "sgd, adam, adamw, radam");
    refuses({ lrSchedule: "restarts", lrCycleGrowth: 0.5 }, "lrCycleGrowth is 0.5", "at least 1");
    refuses({ optimizer: "radam", radam: { betas: [0.9, 1] } }, "radam.betas is [0.9,1]", "two numbers");
    refuses({ optimizer: "radam", radam: { rhoThreshold: 6 } }, "radam.rhoThreshold is 6", "4 or 5");
    refuses(
      { expected: { train: 5 } },
      "expected.test is missing beside expected.train, but must be a whole number",
    );
    refuses({ modelOptions: { dropout: null } }, "modelOptions.dropout is null", "options and their values");
    refuses({ modelOptions: "dropout" }, 'modelOptions is "dropout"', "options and their values");
  });

  it("is refused where one key does not go with another", () => {
    refuses({ optimizer: "radam", momentum: 0.9 }, 'momentum is 0.9, but optimizer is "radam"');
    refuses({ optimizer: "radam", sgdForm: "keras" }, 'sgdForm is "keras"', "leave sgdForm out");
    refuses({ optimizer: "adam", radam: {} }, "radam is {", 'but optimizer is "adam"; leave radam out');
    refuses({ optimizer: "radam", adam: {} }, "adam is {", 'but optimizer is "radam"; leave adam out');
    refuses({ optimizer: "adamw", l2: { form: "keras" } }, 'optimizer is "adamw"', 'set l2.form to "half"');
    refuses({ radam: {} }, "radam is {", 'but optimizer is "sgd"; leave radam out');
    refuses({ nesterov: true, momentum: 0 }, "needs a momentum above 0");
    refuses({ optimizer: "radam", radam: { decay: "decoupled" } }, 'set l2.form to "half"');
    refuses({ validateOn: "test" }, "valFraction is 0.1", "set valFraction to 0");
    refuses({ syncBatchNorm: true, microBatch: 8 }, "microBatch 8", "leave one of them out");
    refuses({ modelOptions: { classes: 20 } }, "modelOptions.classes is 20", "follows from the data");
  });

  it("has unknown keys refused with the nearest name", () => {
    refuses({ batchsize: 32 }, '"batchsize" in recipe.yaml', '"batchSize"');
    refuses({ l2: { coeff: 1 } }, '"coeff" in l2', '"coef"');
    refuses({ radam: { beta: 1 } }, '"beta" in radam', '"betas"');
    refuses({ zzz: true }, '"zzz"', "known are");
  });

  it("is refused when it holds no keys, or is no YAML, or is not there", () => {
    refuses([1, 2], "recipe.yaml must hold keys and values");
    const folder = temporaryFolder();
    const path = join(folder, "broken.yaml");
    writeFileSync(path, "lr: [0.1");
    assert.throws(() => readRecipeFile(path), /broken\.yaml is no valid YAML/);
    assert.throws(() => readRecipeFile(join(folder, "missing.yaml")), /cannot read .*missing\.yaml/);
  });
});

describe("the flags", () => {
  const flag = (name: string) => {
    const found = recipeFlags().find((candidate) => candidate.name === name);
    assert.ok(found, `no flag ${name}`);
    return found;
  };

  it("cover every key, in kebab-case, with a line of help and the values allowed", () => {
    const keys = new Set(recipeFlags().map(({ path }) => path[0]));
    assert.deepEqual([...keys], Object.keys(recipeSchema.shape));
    assert.deepEqual(flag("batch-size").path, ["batchSize"]);
    for (const { name, help, allowed } of recipeFlags()) assert.ok(help && allowed, name);
  });

  it("give l2 as --l2 and --l2-form, and the keys of other groups after the group's name", () => {
    assert.deepEqual(flag("l2").path, ["l2", "coef"]);
    assert.deepEqual(flag("l2-form").path, ["l2", "form"]);
    assert.deepEqual(flag("radam-rho-threshold").path, ["radam", "rhoThreshold"]);
    assert.deepEqual(flag("expected-train").path, ["expected", "train"]);
  });

  it("read words as the key's type", () => {
    assert.equal(flag("lr").parse("1e-3"), 1e-3);
    assert.equal(flag("lr").parse("fast"), "fast");
    assert.equal(flag("data-dir").parse("2024"), "2024");
    assert.equal(flag("warmup").parse("75%"), "75%");
    assert.deepEqual(flag("lr-steps").parse("25%, 3ep"), ["25%", "3ep"]);
    assert.deepEqual(flag("radam-betas").parse("0.9, 0.99"), [0.9, 0.99]);
    assert.equal(flag("radam-rho-threshold").parse("4"), 4);
    assert.deepEqual(
      flag("model-options").parse("dropout=[0.03, 0.3,0],padding=same, crop=227,bnAffine=false"),
      {
        dropout: [0.03, 0.3, 0],
        padding: "same",
        crop: 227,
        bnAffine: false,
      },
    );
    assert.equal(flag("model-options").parse("dropout"), "dropout");
  });
});
