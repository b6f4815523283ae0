import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { Linear, Module, readSafetensors, setNumThreads, type Tensor, tensor } from "@pea/torch";
import { SwaMethod } from "../../../src/methods/index.ts";
import { reestimateStatistics } from "../../../src/run/batch-norm-statistics.ts";
import { trainingLoader } from "../../../src/run/loaders.ts";
import { readMetrics } from "../../../src/run/metrics.ts";
import { disposeRun } from "../../../src/run/prepare-run.ts";
import type { TrainResult } from "../../../src/run/result.ts";
import { openTrainedRun } from "../../../src/run/trained-run.ts";
import { train } from "../../../src/train/train.ts";
import { fitContext } from "../../support/fit-context.ts";
import { smallRecipe } from "../../support/small-recipe.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);

class Weight extends Module {
  readonly layer = new Linear(1, 1, { bias: false });

  override forward(x: Tensor): Tensor {
    return this.layer.forward(x);
  }

  get value(): number {
    return this.layer.weight.item();
  }

  set value(value: number) {
    this.loadStateDict(new Map([["layer.weight", tensor([value], { shape: [1, 1] })]]));
  }
}

/** 12 steps, three to an epoch. */
function fitted({ start = "50%", every = "1ep" }: { start?: string | number; every?: string | number } = {}) {
  const model = new Weight();
  const method = new SwaMethod({ start, every, reestimate: 0 });
  method.fit(fitContext({ model, totalSteps: 12, stepsPerEpoch: 3 }));
  /** After step i the weight is i². */
  const train = (first: number, end: number) => {
    for (let step = first; step < end; step++) {
      model.value = step ** 2;
      method.afterStep(step);
    }
  };
  const mean = () => {
    method.show(true);
    const { value } = model;
    method.show(false);
    return value;
  };
  return { model, method, train, mean };
}

describe("the mean", () => {
  test("is of the weights at the ends of epochs from the start on, each with the same share", () => {
    const { model, method, train, mean } = fitted();
    train(0, 5);
    assert.deepEqual([method.view, mean()], [null, 16], "none counts yet");
    train(5, 6);
    assert.deepEqual([method.view, mean()], ["averaged", 25]);
    train(6, 11);
    assert.deepEqual([mean(), model.value], [(25 + 64) / 2, 100]);
    train(11, 12);
    method.deploy();
    assert.ok(Math.abs(model.value - (25 + 64 + 121) / 3) < 1e-5);
    assert.deepEqual([method.view, method.tensors().size], [null, 0]);
  });

  test("is of as many as `every` says", () => {
    const { train, mean } = fitted({ start: 0, every: "2st" });
    train(0, 7);
    assert.ok(Math.abs(mean() - (1 + 9 + 25) / 3) < 1e-5);
  });

  test("lets an epoch be the best one once weights count at its end", () => {
    const { method } = fitted();
    const isCandidate = [0, 3, 6, 9].map((firstStep) =>
      method.isCandidate({ firstStep, endStep: firstStep + 3 }),
    );
    assert.deepEqual(isCandidate, [false, true, true, true]);
  });

  test("goes on from a checkpoint, before weights count and after", () => {
    for (const stop of [4, 8]) {
      const first = fitted();
      first.train(0, stop);
      const second = fitted();
      second.model.value = first.model.value;
      second.method.load(first.method.state(), first.method.tensors());
      second.train(stop, 12);
      assert.ok(Math.abs(second.mean() - 70) < 1e-4);
    }
    const other = fitted({ every: "2ep" }).method;
    assert.throws(
      () => other.load(fitted().method.state(), new Map()),
      usage(/firstCycle.*cycle \(saved 3, now 6\)/),
    );
  });

  test("that no weights would count in is refused", () => {
    assert.throws(
      () => fitted({ start: "11st", every: "5st" }),
      usage(
        /swa starts at 11st, step 11 of 12, and counts weights every 5st, 5 steps: none would count; start earlier/,
      ),
    );
    assert.throws(
      () => fitted({ every: "1%" }),
      usage(/every 1%, which is less than a step here; take 1st or more/),
    );
  });
});

describe("a run of PEA that ends in the mean", () => {
  const runDirectory = join(temporaryFolder(), "run");
  let result: TrainResult;
  before(async () => {
    result = await train(
      { ...smallRecipe, methods: [{ swa: { start: "50%", reestimate: 4 } }] },
      { runDirectory },
    );
  });
  const tensorsIn = (name: string) => readSafetensors(join(runDirectory, "checkpoints", name)).tensors;
  const numbers = (one: Tensor | undefined) => Array.from(one?.toTypedArray() ?? [], Number);

  test("scores it from the epoch on in which weights count, and chooses by it", () => {
    const epochs = readMetrics(join(runDirectory, "metrics.jsonl")).filter(({ kind }) => kind === "epoch");
    assert.deepEqual(
      epochs.map((row) => "averaged/top1" in row),
      [false, true, true],
    );
    assert.notEqual(epochs[2]?.["averaged/loss"], epochs[2]?.["val/loss"]);
    assert.equal(result.best?.validationLoss, epochs[(result.best?.epoch ?? 0) - 1]?.["deployed/loss"]);
  });

  test("has batch norm's statistics of the mean itself, in the best model and the last", async () => {
    for (const checkpoint of ["best", "last"] as const) {
      const trained = await openTrainedRun(runDirectory, { checkpoint });
      const { model, methods, data, recipe, plan, epoch } = trained;
      assert.deepEqual(methods.views, ["current"]);
      methods.deploy();
      const key = "bn1.running_mean";
      const kept = numbers(tensorsIn(`${checkpoint}.safetensors`).get(key));
      assert.deepEqual(numbers(model.stateDict().get(key)), kept);
      const loader = trainingLoader(data, recipe, plan);
      await reestimateStatistics(model, loader, { epoch: epoch - 1, batches: 4 });
      assert.deepEqual(numbers(model.stateDict().get(key)), kept);
      disposeRun(trained);
    }
  });
});
