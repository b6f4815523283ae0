import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { createMethods, type Methods } from "../../src/methods/methods.ts";
import { methodsOf } from "../../src/recipe/method-keys.ts";
import { type RecipeInput, resolveRecipe } from "../../src/recipe/recipe.ts";
import { page } from "../../src/report/page.ts";
import { takesPlaceOf, whyNoBest } from "../../src/run/best-model.ts";
import type { TrainResult } from "../../src/run/result.ts";
import { readResult } from "../../src/run/result.ts";
import { openRunDirectory } from "../../src/run/run-directory.ts";
import { openTrainedRun } from "../../src/run/trained-run.ts";
import { train } from "../../src/train/train.ts";
import { fitContext } from "../support/fit-context.ts";
import { peaHere } from "../support/pea-main.ts";
import { reportRun } from "../support/report-runs.ts";
import { smallRecipe } from "../support/small-recipe.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

describe("a later model takes the place of the best one", () => {
  it("with a higher score, whatever its loss", () => {
    assert.equal(takesPlaceOf({ score: 90, loss: 0.1 }, { score: 91, loss: 2 }), true);
    assert.equal(takesPlaceOf({ score: 90, loss: 2 }, { score: 89, loss: 0.1 }), false);
  });
  it("with the same score, where its loss is not higher", () => {
    assert.equal(takesPlaceOf({ score: 90, loss: 0.3 }, { score: 90, loss: 0.2 }), true);
    assert.equal(takesPlaceOf({ score: 90, loss: 0.3 }, { score: 90, loss: 0.3 }), true);
    assert.equal(takesPlaceOf({ score: 90, loss: 0.3 }, { score: 90, loss: 0.4 }), false);
  });
  it("not with the same score, where a loss is not known", () => {
    assert.equal(takesPlaceOf({ score: 90, loss: null }, { score: 90, loss: 0.2 }), false);
    assert.equal(takesPlaceOf({ score: 90, loss: 0.3 }, { score: 90, loss: null }), false);
  });
});

describe("why there is no best model", () => {
  // 12 epochs of 10 steps.
  const plan = { epochs: 12, stepsPerEpoch: 10, totalSteps: 120, selectFromStep: 0 };
  const fitted = async (settings: RecipeInput): Promise<Methods> => {
    const methods = await createMethods(methodsOf(resolveRecipe({ source: "the test", settings })));
    methods.fit(fitContext());
    return methods;
  };
  let [relu, pea] = [] as Methods[] as [Methods, Methods];
  before(async () => {
    [relu, pea] = [await fitted({}), await fitted({ pea: "SM75%" })];
  });

  it("is nothing where the last epoch may be chosen", () => {
    for (const methods of [relu, pea])
      assert.equal(whyNoBest({ plan, methods, hasValidation: true }), undefined);
    assert.equal(
      whyNoBest({ plan: { ...plan, selectFromStep: 110 }, methods: relu, hasValidation: true }),
      undefined,
    );
  });
  it("is that there are no validation images", () => {
    assert.match(
      whyNoBest({ plan, methods: relu, hasValidation: false }) ?? "",
      /no validation images.*valFraction is 0/,
    );
  });
  it("is that selectFrom lies behind the first step of the last epoch", () => {
    assert.match(
      whyNoBest({ plan: { ...plan, selectFromStep: 111 }, methods: relu, hasValidation: true }) ?? "",
      /behind selectFrom, which is step 111: epoch 12, the last, begins after step 110 of 120/,
    );
  });
  it("is that no epoch lies behind a phase that has no candidates, by its name", async () => {
    // The transition ends after step 115.
    assert.match(
      whyNoBest({ plan, methods: await fitted({ pea: "SM96%" }), hasValidation: true }) ?? "",
      /no epoch lies wholly behind the transition phase: .*begins after step 110 of 120;/,
    );
    assert.match(
      whyNoBest({
        plan,
        methods: await fitted({ activation: "mish", swapToRelu: "100%" }),
        hasValidation: true,
      }) ?? "",
      /behind the smooth phase/,
    );
  });
});

describe("a run without a best model", () => {
  const path = join(temporaryFolder(), "run");
  let result: TrainResult;
  before(async () => {
    result = await train({ ...smallRecipe, epochs: 1, pea: "SM90%" }, { runDirectory: path });
  });
  const reason =
    /no epoch lies wholly behind the transition phase: epoch 1, the last, begins after step 0 of 6;/;

  it("says why in its result", () => {
    assert.equal(result.best, null);
    assert.match(result.whyNoBest ?? "", reason);
    assert.equal(readResult(openRunDirectory(path))?.whyNoBest, result.whyNoBest);
  });
  it("says why when it is scored, and when the best model is asked for", async () => {
    const { stdout } = await peaHere("eval", path);
    assert.match(stdout, /^there is no best model: /m);
    assert.match(stdout, reason);
    const { whyNoBest } = JSON.parse((await peaHere("eval", path, "--json")).stdout);
    assert.equal(whyNoBest, result.whyNoBest);
    const last = await peaHere("eval", path, "--checkpoint", "last", "--json");
    assert.equal(JSON.parse(last.stdout).whyNoBest, undefined);
    await assert.rejects(openTrainedRun(path, { checkpoint: "best" }), { kind: "usage", message: reason });
  });
  it("says why in the report", () => {
    const run = reportRun("ReLU", 0, {
      name: "alone",
      test: { best: null, last: 89, images: 60 },
      whyNoBest: "it is so",
    });
    const html = page({ title: "made up", runs: [run] }, { source: "", toSvg: () => "" });
    assert.match(html, /No best model in alone: it is so\./);
  });
  it("is opened by its last model where it ended before reasons were written down", async () => {
    const { result: file } = openRunDirectory(path);
    const { whyNoBest, ...older } = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify(older));
    const { stdout, code } = await peaHere("eval", path);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /there is no best model: no epoch of the final phase was evaluated on validation images/,
    );
  });
});
