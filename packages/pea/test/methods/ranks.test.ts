// Each method in two ranks: what it draws follows from seed and position, whoever has which images.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { builtIn } from "../../src/methods/built-in.ts";
import type { RecipeInput } from "../../src/recipe/recipe.ts";
import { methodInRecipe, pairRecipe, trainTeacher } from "../support/pair-network.ts";
import { assertNear, lossesOf, trainAlone, trainTogether, weightsOf } from "../support/ranks-of.ts";

const recipe: RecipeInput = { ...pairRecipe, cropPadding: 2, logEverySteps: 1 };

let teacher: string;
before(async () => {
  teacher = await trainTeacher();
});

/** What is rounded in a pass goes by the passes before it: those of the same rank. */
const others = ["quantize"];
/** Each rank multiplies its gradient, and then they are summed. */
const rounded = ["expand"];

describe("two ranks train as one process that passes batches in halves", () => {
  for (const { name } of builtIn.filter(({ name }) => !others.includes(name)))
    test(`with ${name}, ${rounded.includes(name) ? "but for rounding" : "bit for bit"}`, async () => {
      const input = { ...recipe, methods: [methodInRecipe(name, teacher)] } as RecipeInput;
      const [two, one] = [await trainTogether(input), await trainAlone({ ...input, microBatch: 4 })];
      if (rounded.includes(name)) return assertNear(two, one);
      assert.deepEqual(lossesOf(two), lossesOf(one));
      assert.deepEqual(weightsOf(two), weightsOf(one));
    });
});
