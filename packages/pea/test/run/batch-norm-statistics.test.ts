import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import {
  type BatchNorm2d,
  getRngState,
  mean,
  noGrad,
  onForward,
  readSafetensors,
  setNumThreads,
  variance,
} from "@pea/torch";
import { exportRun } from "../../src/export/export.ts";
import type { RecipeInput } from "../../src/recipe/recipe.ts";
import { resolveRecipe } from "../../src/recipe/recipe.ts";
import { reestimateStatistics } from "../../src/run/batch-norm-statistics.ts";
import { evaluationLoader, trainingLoader } from "../../src/run/loaders.ts";
import { readMetrics } from "../../src/run/metrics.ts";
import { disposeRun, prepareRun } from "../../src/run/prepare-run.ts";
import type { TrainResult } from "../../src/run/result.ts";
import { openTrainedRun } from "../../src/run/trained-run.ts";
import { evaluate } from "../../src/tasks/evaluate.ts";
import { resumeTraining, train } from "../../src/train/train.ts";
import { numbers } from "../support/numbers.ts";
import { fingerprint, trainInParts } from "../support/run-in-parts.ts";
import { smallRecipe } from "../support/small-recipe.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

setNumThreads(1);

const recipe: RecipeInput = { ...smallRecipe, cropPadding: 2 };
const reestimated: RecipeInput = { ...recipe, batchNormReestimate: 3 };

describe("statistics computed anew", () => {
  it("are the mean over the first batches of an epoch of their mean and variance, and nothing else changes", async () => {
    const resolved = resolveRecipe({ source: "test", settings: recipe });
    const prepared = await prepareRun(resolved);
    const { model, data } = prepared;
    const loader = trainingLoader(data, resolved);
    const expected = { mean: Array(8).fill(0), variance: Array(8).fill(0) };
    const unhook = onForward(model.getModule("conv1"), (_, convolved) => {
      const dim = [0, 2, 3];
      for (const [i, value] of numbers(mean(convolved, { dim })).entries()) expected.mean[i] += value / 3;
      for (const [i, value] of numbers(variance(convolved, { dim })).entries())
        expected.variance[i] += value / 3;
    });
    let count = 0;
    model.eval();
    for await (const { images } of loader.batches(1)) {
      noGrad(() => model.forward(images));
      if (++count === 3) break;
    }
    unhook();
    model.train();
    const others = () =>
      [...model.stateDict()].flatMap(([key, value]) =>
        key.includes("running") ? [] : [[key, numbers(value)]],
      );
    const before = [others(), numbers(getRngState())];
    await reestimateStatistics(model, loader, { epoch: 1, batches: 3 });
    const { runningMean, runningVar, momentum, training } = model.getModule("bn1") as BatchNorm2d;
    for (const [actual, values] of [
      [numbers(runningMean), expected.mean],
      [numbers(runningVar), expected.variance],
    ] as const)
      for (const [i, value] of actual.entries())
        assert.ok(
          Math.abs(value - values[i]) <= 1e-5 * Math.max(1, Math.abs(values[i])),
          `${value}, not ${values[i]}`,
        );
    assert.deepEqual([others(), numbers(getRngState())], before);
    assert.deepEqual([momentum, training], [0.1, true]);
    disposeRun(prepared);
  });
});

describe("a run that is evaluated with them", () => {
  let plain: TrainResult;
  let result: TrainResult;
  const trainAnew = (settings: RecipeInput) =>
    train(settings, { runDirectory: join(temporaryFolder(), "run") });
  before(async () => {
    plain = await trainAnew(recipe);
    result = await trainAnew(reestimated);
  });

  it("trains as without, and scores otherwise", () => {
    const rows = ({ runDirectory }: TrainResult) => readMetrics(join(runDirectory, "metrics.jsonl"));
    const losses = (name: string) => (run: TrainResult) =>
      rows(run).flatMap((row) => (row.kind === "epoch" ? [row[name]] : []));
    assert.deepEqual(losses("train/loss")(result), losses("train/loss")(plain));
    for (const name of ["val/loss", "deployed/loss"])
      assert.notDeepEqual(losses(name)(result), losses(name)(plain));
    const weights = ({ runDirectory }: TrainResult) =>
      [...readSafetensors(join(runDirectory, "checkpoints", "last.safetensors")).tensors].flatMap(
        ([key, value]) => (key.includes("running") ? [] : [[key, numbers(value)]]),
      );
    assert.deepEqual(weights(result), weights(plain));
  });

  it("keeps them in the models it leaves, which score what the result says", async () => {
    for (const checkpoint of ["best", "last"] as const) {
      const trained = await openTrainedRun(result.runDirectory, { checkpoint });
      const { model, data, methods } = trained;
      methods.deploy();
      const loader = evaluationLoader(data.test, data, "cpu");
      assert.deepEqual(
        await evaluate(model, loader, { task: data.task, device: "cpu" }),
        result[checkpoint]?.test,
      );
      disposeRun(trained);
    }
  });

  for (const steps of [[5], [6], [13, 17]])
    it(`has the weights and metrics of the whole run, stopped after ${steps}`, async () => {
      const parted = await trainInParts(reestimated, steps);
      assert.deepEqual(fingerprint(parted.runDirectory), fingerprint(result.runDirectory));
      assert.deepEqual([parted.last, parted.best], [result.last, result.best]);
    });

  it("is the same when it is resumed after its end", async () => {
    const ended = fingerprint(result.runDirectory);
    const again = await resumeTraining(result.runDirectory);
    assert.deepEqual([again.last, again.best], [result.last, result.best]);
    assert.deepEqual(fingerprint(result.runDirectory), ended);
  });

  it("has ReLU's statistics after a swap without fine-tuning", async () => {
    const swapped = await trainAnew({
      ...reestimated,
      model: "mobilenet-0.25-small",
      pea: "none",
      activation: "mish",
      swapToRelu: "100%",
      epochs: 1,
    });
    const { largestDifference } = await exportRun(swapped.runDirectory);
    assert.ok(largestDifference <= 1e-4);
    const trained = await openTrainedRun(swapped.runDirectory);
    const { model, data, methods, recipe } = trained;
    methods.deploy();
    const statistics = () => numbers((model.getModule("features.13.pw.bn") as BatchNorm2d).runningMean);
    const kept = statistics();
    await reestimateStatistics(model, trainingLoader(data, recipe), { epoch: 0, batches: 3 });
    assert.deepEqual(statistics(), kept);
    disposeRun(trained);
  });
});
