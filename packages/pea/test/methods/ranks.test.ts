// Each method in two ranks: what it draws follows from seed and position, whoever has which images.
import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { builtIn } from "../../src/methods/built-in.ts";
import type { RecipeInput } from "../../src/recipe/recipe.ts";
import { train } from "../../src/train/train.ts";
import { settingsOfMethods } from "../support/pair-network.ts";
import { assertNear, lossesOf, trainAlone, trainTogether, weightsOf } from "../support/ranks-of.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

/** 8 training images, all in each of 3 steps. */
const recipe: RecipeInput = {
  model: "pair-network",
  dataDir: writeTinyData({ train: 8, test: 8 }),
  valFraction: 0,
  epochs: 3,
  batchSize: 8,
  lr: 0.05,
  cropPadding: 2,
  logEverySteps: 1,
  threads: 1,
};

const teacher = join(temporaryFolder(), "teacher");
before(() => train({ ...recipe, epochs: 1 }, { runDirectory: teacher }));
const settings = settingsOfMethods({ teacher });

/** What is rounded in a pass goes by the passes before it: those of the same rank. */
const others = ["quantize"];
/** Each rank multiplies its gradient, and then they are summed. */
const rounded = ["expand"];

describe("two ranks train as one process that passes batches in halves", () => {
  for (const { name } of builtIn.filter(({ name }) => !others.includes(name)))
    test(`with ${name}, ${rounded.includes(name) ? "but for rounding" : "bit for bit"}`, async () => {
      const input = {
        ...recipe,
        methods: [name in settings ? { [name]: settings[name] } : name],
      } as RecipeInput;
      const [two, one] = [await trainTogether(input), await trainAlone({ ...input, microBatch: 4 })];
      if (rounded.includes(name)) return assertNear(two, one);
      assert.deepEqual(lossesOf(two), lossesOf(one));
      assert.deepEqual(weightsOf(two), weightsOf(one));
    });
});
