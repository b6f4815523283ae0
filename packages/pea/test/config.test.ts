import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { PeaError } from "@pea/core";
import { readRecipeFile, recipeFlags, recipeSchema, resolveRecipe } from "../src/train/config.ts";
import { temporaryFolder } from "./support/tiny-data.ts";

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
    assert.deepEqual(recipe.l2, { coef: 4e-5, form: "keras" });
  });

  it("has the paper's weight decay for its network unless it says another", () => {
    const decay = (settings: object) => resolve(settings).l2;
    assert.deepEqual(decay({ model: "mobilenet-0.25" }), { coef: 4e-5, form: "keras" });
    assert.deepEqual(decay({ model: "resnet18-small" }), { coef: 1e-4, form: "keras" });
    assert.deepEqual(decay({ model: "a-network-of-ones-own" }), { coef: 1e-4, form: "keras" });
    assert.deepEqual(decay({ model: "resnet18", l2: { form: "half" } }), { coef: 1e-4, form: "half" });
    assert.deepEqual(decay({ model: "resnet18", l2: { coef: 0 } }), { coef: 0, form: "keras" });
  });

  it("takes later layers over earlier ones, key by key, within l2 as well", () => {
    const recipe = resolveRecipe(
      { source: "recipe.yaml", settings: { epochs: 3, lr: 0.5, l2: { coef: 1e-4, form: "half" } } },
      { source: "the flags", settings: { lr: 0.1, l2: { coef: 2e-4 } } },
    );
    assert.equal(recipe.epochs, 3);
    assert.equal(recipe.lr, 0.1);
    assert.deepEqual(recipe.l2, { coef: 2e-4, form: "half" });
  });

  it("goes through its own resolved form unchanged", () => {
    const recipe = resolve({ pea: "SM75%", warmup: "1ep", lrSteps: [3, "50%"] });
    assert.deepEqual(resolve(recipe), recipe);
  });
});

describe("a wrong recipe", () => {
  it("names the key, its value and what is allowed", () => {
    refuses({ lr: -1 }, "lr is -1", "a number of at least 0");
    refuses({ epochs: 1.5 }, "epochs is 1.5", "a whole number of at least 1");
    refuses({ amp: "fp16" }, 'amp is "fp16"', "none, bf16");
    refuses({ warmup: "soon" }, 'warmup is "soon"', "75%");
    refuses({ pea: "XQ9" }, 'pea is "XQ9"', "SM75%");
    refuses({ lrSteps: "5ep" }, 'lrSteps is "5ep"', "a list of durations");
    refuses({ l2: { coef: 1e-4, form: "torch" } }, 'l2.form is "torch"', "keras, half");
    refuses({ l2: 1e-4 }, "l2 is 0.0001", "coef and form");
    refuses({ limitTrain: 10.5 }, "limitTrain is 10.5", "whole number of images");
  });

  it("has unknown keys refused with the nearest name", () => {
    refuses({ batchsize: 32 }, '"batchsize" in recipe.yaml', '"batchSize"');
    refuses({ l2: { coeff: 1 } }, '"coeff" in l2', '"coef"');
    refuses({ zzz: true }, '"zzz"', "known are");
  });

  it("is refused when it holds no keys, or is no YAML, or is not there", () => {
    refuses([1, 2], "recipe.yaml must hold keys and values");
    const folder = temporaryFolder();
    const path = join(folder, "broken.yaml");
    writeFileSync(path, "lr: [0.1");
    assert.throws(() => readRecipeFile(path), /broken\.yaml is no valid YAML/);
    assert.throws(
      () => readRecipeFile(join(folder, "missing.yaml")),
      /cannot read the recipe .*missing\.yaml/,
    );
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

  it("give l2 as --l2 and --l2-form", () => {
    assert.deepEqual(flag("l2").path, ["l2", "coef"]);
    assert.deepEqual(flag("l2-form").path, ["l2", "form"]);
  });

  it("read words as the key's type", () => {
    assert.equal(flag("lr").parse("1e-3"), 1e-3);
    assert.equal(flag("lr").parse("fast"), "fast");
    assert.equal(flag("data-dir").parse("2024"), "2024");
    assert.equal(flag("warmup").parse("75%"), "75%");
    assert.deepEqual(flag("lr-steps").parse("25%, 3ep"), ["25%", "3ep"]);
  });
});
