import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { createMethod, type Method } from "../../src/methods/index.ts";
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
  const fitted = (settings: Parameters<typeof createMethod>[0]): Method => {
    const method = createMethod(settings);
    method.onFit(fitContext());
    return method;
  };
  const [relu, pea] = [
    fitted({ pea: "none", activation: "relu" }),
    fitted({ pea: "SM75%", activation: "relu" }),
  ];

  it("is nothing where the last epoch may be chosen", () => {
    for (const method of [relu, pea])
      assert.equal(whyNoBest({ plan, method, hasValidation: true }), undefined);
    assert.equal(
      whyNoBest({ plan: { ...plan, selectFromStep: 110 }, method: relu, hasValidation: true }),
      undefined,
    );
  });
  it("is that there are no validation images", () => {
    assert.match(
      whyNoBest({ plan, method: relu, hasValidation: false }) ?? "",
      /no validation images.*valFraction is 0/,
    );
  });
  it("is that selectFrom lies behind the first step of the last epoch", () => {
    assert.match(
      whyNoBest({ plan: { ...plan, selectFromStep: 111 }, method: relu, hasValidation: true }) ?? "",
      /behind selectFrom, which is step 111: epoch 12, the last, begins after step 110 of 120/,
    );
  });
  it("is that no epoch ran wholly with ReLU alone, and which phase the last one began in", () => {
    // The transition ends after step 115.
    assert.match(
      whyNoBest({ plan, method: fitted({ pea: "SM96%", activation: "relu" }), hasValidation: true }) ?? "",
      /no epoch ran wholly at α = 1: .*begins after step 110 of 120, in the transition phase/,
    );
    assert.match(
      whyNoBest({
        plan,
        method: fitted({ pea: "none", activation: "mish", swapToRelu: "100%" }),
        hasValidation: true,
      }) ?? "",
      /in the smooth phase/,
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
    /no epoch ran wholly at α = 1: epoch 1, the last, begins after step 0 of 6, in the transition phase/;

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
