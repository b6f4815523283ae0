import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Mish, ReLU } from "@pea/torch";
import { createMethods, type Methods } from "../../src/methods/methods.ts";
import { createModel } from "../../src/models/index.ts";
import { methodsOf, variantName } from "../../src/recipe/method-keys.ts";
import { type RecipeInput, resolveRecipe } from "../../src/recipe/recipe.ts";
import { recipeFlags } from "../../src/recipe/recipe-flags.ts";
import { recipeHash } from "../../src/recipe/recipe-identity.ts";
import { trainCommand } from "../../src/report/command.ts";
import { fitContext } from "../support/fit-context.ts";
import { usage } from "../support/usage-error.ts";

const resolve = (...layers: RecipeInput[]) =>
  resolveRecipe(...layers.map((settings) => ({ source: "the test", settings })));

/** The methods of a recipe, fitted to a run of 12 epochs of 10 steps. */
async function fitted(settings: RecipeInput, run = fitContext()): Promise<Methods> {
  const methods = await createMethods(methodsOf(resolve(settings)));
  methods.fit(run);
  return methods;
}

describe("PEA's own keys", () => {
  test("choose PEA, an activation, a swap or nothing", () => {
    const names = (settings: RecipeInput) =>
      methodsOf(resolve(settings)).map(({ descriptor }) => descriptor.name);
    assert.deepEqual(names({}), []);
    assert.deepEqual(names({ pea: "SM75%" }), ["pea"]);
    assert.deepEqual(names({ activation: "mish" }), ["activation"]);
    assert.deepEqual(names({ activation: "mish", swapToRelu: "90%" }), ["swap"]);
  });

  test("leave the ReLU network as it is, or put the smooth activation into it to the end", async () => {
    const [relu, mish] = [fitContext(), fitContext()];
    await fitted({}, relu);
    assert.ok(relu.model.getModule("features.0.act") instanceof ReLU);
    (await fitted({ activation: "mish" }, mish)).deploy();
    assert.ok(mish.model.getModule("features.0.act") instanceof Mish);
  });

  test("hand PEA's settings on", async () => {
    const alphaAt = async (step: number, settings: RecipeInput) => {
      const methods = await fitted({ pea: "WM75%", peaInitial: "0st", ...settings });
      methods.beforePass(step);
      return methods.scalars().alpha;
    };
    assert.equal(await alphaAt(45, { peaSchedule: "cosine" }), (1 - Math.cos(Math.PI / 2)) / 2);
    assert.equal(await alphaAt(19, { peaGranularity: "epoch" }), 10 / 90);
    assert.equal(await alphaAt(19, { peaIndexing: "one-based" }), 20 / 90);
    assert.notEqual(await alphaAt(19, { peaLag: 0.5 }), 19 / 90);
    const [stochastic] = methodsOf(resolve({ pea: "SM75%", peaMasks: "channel", peaLrSmooth: 0.4 }));
    assert.deepEqual([stochastic?.settings.masks, stochastic?.settings.lrSmooth], ["channel", 0.4]);
    assert.equal(await alphaAt(19, { peaGranularity: "epoch", peaIndexing: "one-based" }), 20 / 90);
  });

  test("are refused where two decide which activation runs, or none is there to swap", () => {
    assert.throws(
      () => resolve({ pea: "SM75%", activation: "mish" }),
      usage(/activation mish does not go with pea SM75%/),
    );
    assert.throws(
      () => resolve({ pea: "SM75%", swapToRelu: "90%" }),
      usage(/swapToRelu 90% does not go with pea SM75%/),
    );
    assert.throws(() => resolve({ swapToRelu: "90%" }), usage(/swapToRelu 90% needs a smooth activation/));
  });

  test("that would change nothing are refused: the run's name would be that of another", async () => {
    const model = createModel("mobilenet-0.25-small", { activation: "relu6" });
    for (const [settings, name] of [
      [{ pea: "SM75%" }, "pea SM75%"],
      [{ activation: "mish" }, "activation mish"],
      [{ activation: "mish", swapToRelu: "75%" }, "activation mish"],
    ] as const)
      await assert.rejects(
        fitted(settings, fitContext({ model })),
        usage(
          new RegExp(`^${name} changes nothing in MobileNet, which has no ReLU module: it has ReLU6: say`),
        ),
      );
    await fitted({}, fitContext({ model }));
  });
});

describe("the list of methods", () => {
  test("says the same as PEA's own keys, to the recipe's hash", () => {
    for (const [methods, keys] of [
      [[{ pea: "SM75%" }], { pea: "SM75%" }],
      [
        [{ pea: { variant: "WG90", schedule: "cosine", initial: 5 } }],
        { pea: "WG90", peaSchedule: "cosine", peaInitial: 5 },
      ],
      [[{ activation: "silu" }], { activation: "swish" }],
      [[{ activation: "SiLU" }], { activation: "swish" }],
      [[{ swap: { activation: "mish", at: "90%" } }], { activation: "mish", swapToRelu: "90%" }],
      [[], {}],
    ] as [RecipeInput["methods"], RecipeInput][]) {
      assert.deepEqual(resolve({ methods }), resolve(keys));
      assert.equal(recipeHash(resolve({ methods })), recipeHash(resolve(keys)));
    }
  });

  test("stands beside them, with all settings, and is the same when it is read again", () => {
    const recipe = resolve({ pea: "SM75%" }, { methods: ["mixup", { ema: 0.99 }] });
    assert.deepEqual(recipe.methods, [{ mixup: { alpha: 0.2 } }, { ema: { decay: 0.99, warmup: true } }]);
    assert.deepEqual(resolve({ methods: [{ pea: "SM75%" }, "mixup", { ema: 0.99 }] }), recipe);
    assert.deepEqual(resolve(recipe), recipe);
  });

  test("makes another run of a recipe, by what is not at its default", () => {
    const hash = (methods: RecipeInput["methods"]) => recipeHash(resolve({ methods }));
    assert.notEqual(hash(["ema"]), hash([]));
    assert.notEqual(hash(["ema"]), hash([{ ema: 0.99 }]));
    assert.equal(hash(["ema"]), hash([{ ema: { decay: 0.9999 } }]));
  });

  test("gives a variant its name", () => {
    const name = (settings: RecipeInput) => variantName(resolve(settings));
    assert.equal(name({}), "ReLU");
    assert.equal(name({ pea: "SM75%" }), "SM75%");
    assert.equal(name({ activation: "mish" }), "mish");
    assert.equal(name({ activation: "mish", swapToRelu: 9 }), "mish, ReLU from 9ep");
    assert.equal(name({ methods: ["ema"] }), "ReLU + ema");
    assert.equal(name({ pea: "SM75%", methods: ["mixup", "ema"] }), "SM75% + mixup + ema");
    assert.equal(
      name({ pea: "SM75%", methods: [{ mixup: 0.4 }, { ema: { decay: 0.99, warmup: false } }] }),
      "SM75% + mixup 0.4 + ema 0.99 warmup=false",
    );
  });

  const refused = (settings: RecipeInput, message: RegExp) =>
    assert.throws(() => resolve(settings), usage(message));

  test("is refused where two methods decide the same, or one stands there twice", () => {
    refused(
      { pea: "SM75%", methods: [{ activation: "mish" }] },
      /pea is "SM75%" beside mish in methods; say it in one place/,
    );
    refused(
      { methods: [{ pea: "SM75%" }, { activation: "mish" }] },
      /methods SM75% and mish do not go together: both decide which activation runs/,
    );
    refused({ methods: ["ema", { ema: 0.9 }] }, /method ema stands there twice/);
  });

  test("is refused in another order than the methods can stand in, with the right one", () => {
    refused(
      { methods: ["ema", "mixup"] },
      /method ema, which acts on the weights, stands before mixup, which acts on the batch; .* mixup, ema$/,
    );
    refused({ methods: ["mixup", { pea: "SM75%" }] }, /in the order pea, mixup$/);
  });

  test("is refused with a word on the method or the setting that is not known, and what it may be", () => {
    refused(
      { methods: ["emma"] },
      /methods has "emma", but must be of pea, activation, .*did you mean "ema"\?/,
    );
    refused(
      { methods: [{ ema: 2 }] },
      /decay of method ema is 2, but must be a number from 0 up to but not 1/,
    );
    refused(
      { methods: [{ ema: { rate: 2 } }] },
      /unknown setting "rate" of method ema; known are decay, warmup/,
    );
    refused({ methods: [{ ema: {}, mixup: {} }] }, /an entry is one method/);
    refused({ methods: "ema" as never }, /methods is "ema", but must be a list of methods/);
  });
});

describe("the flag --methods", () => {
  const flag = recipeFlags().find(({ name }) => name === "methods");
  test("takes the list as YAML has it, with or without brackets", () => {
    assert.deepEqual(flag?.parse("ema"), ["ema"]);
    assert.deepEqual(flag?.parse("mixup: 0.4, ema"), [{ mixup: 0.4 }, "ema"]);
    assert.deepEqual(flag?.parse("[pea: SM75%, {ema: {decay: 0.9}}]"), [
      { pea: "SM75%" },
      { ema: { decay: 0.9 } },
    ]);
    assert.equal(flag?.parse("{ema"), "{ema");
  });

  test("is in the command that repeats a run, which it says again", () => {
    const recipe = resolve({ pea: "SM75%", methods: [{ mixup: 0.4 }, "ema"] });
    const command = trainCommand(recipe) ?? "";
    const word = /--methods '(.*?)'/.exec(command)?.[1] ?? "";
    assert.match(command, /--pea SM75%/);
    assert.deepEqual(resolve({ pea: "SM75%", methods: flag?.parse(word) as never }), recipe);
  });

  test("is not in that command where it does nothing, as `pea train` refuses it then", () => {
    const settings = { peaInitial: "4%", peaMasks: "channel" } as const;
    assert.doesNotMatch(trainCommand(resolve(settings)) ?? "", /--pea/);
    assert.match(
      trainCommand(resolve({ pea: "SM75%", ...settings })) ?? "",
      /--pea-initial 4% .*--pea-masks channel|--pea-masks channel .*--pea-initial 4%/,
    );
  });
});
