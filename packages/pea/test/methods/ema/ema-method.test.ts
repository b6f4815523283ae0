import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import {
  BatchNorm2d,
  Module,
  memoryStats,
  noGrad,
  readSafetensors,
  setNumThreads,
  type Tensor,
  tensor,
} from "@pea/torch";
import { exportRun } from "../../../src/export/export.ts";
import { decayAt } from "../../../src/methods/ema/ema-method.ts";
import { EmaMethod } from "../../../src/methods/index.ts";
import { WeightAverage } from "../../../src/methods/weight-average.ts";
import { openPredictor } from "../../../src/predict/predictor.ts";
import { evaluationLoader } from "../../../src/run/loaders.ts";
import { readMetrics } from "../../../src/run/metrics.ts";
import { disposeRun } from "../../../src/run/prepare-run.ts";
import type { TrainResult } from "../../../src/run/result.ts";
import { openTrainedRun } from "../../../src/run/trained-run.ts";
import { evaluate } from "../../../src/tasks/evaluate.ts";
import { train } from "../../../src/train/train.ts";
import { fitContext } from "../../support/fit-context.ts";
import { smallRecipe } from "../../support/small-recipe.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);

/** One batch norm of one channel: two parameters, two running statistics and a count. */
class Norm extends Module {
  readonly norm = new BatchNorm2d(1);

  override forward(images: Tensor): Tensor {
    return this.norm.forward(images);
  }

  /** Sets weight and running mean, and counts a pass. */
  set(weight: number, mean: number): void {
    const { norm } = this;
    noGrad(() => {
      const state = this.stateDict();
      const pass = Number(norm.numBatchesTracked.item()) + 1;
      this.loadStateDict(
        new Map([
          ...state,
          ["norm.weight", tensor([weight])],
          ["norm.running_mean", tensor([mean])],
          ["norm.num_batches_tracked", tensor(BigInt64Array.of(BigInt(pass)), { shape: [] })],
        ]),
      );
    });
  }

  get values(): number[] {
    const { weight, runningMean, numBatchesTracked } = this.norm;
    return [weight as Tensor, runningMean, numBatchesTracked].map((one) => Number(one.item()));
  }
}

function fitted(options = { decay: 0.75, warmup: false }) {
  const model = new Norm();
  const method = new EmaMethod(options);
  method.fit(fitContext({ model }));
  return { model, method };
}

describe("the decay", () => {
  test("is 0 at the first step, which takes the weights as they are", () => {
    assert.equal(decayAt(0, { decay: 0.9, warmup: false }), 0);
    assert.equal(decayAt(0, { decay: 0.9, warmup: true }), 0);
  });
  test("rises in the warm-up as timm's, to 0.999 at 31.6 thousand steps and 0.9999 at a million", () => {
    assert.ok(Math.abs(decayAt(31_600, { decay: 0.99999, warmup: true }) - 0.999) < 1e-6);
    assert.ok(Math.abs(decayAt(1_000_000, { decay: 0.99999, warmup: true }) - 0.9999) < 1e-9);
    assert.equal(decayAt(7, { decay: 0.99, warmup: true }), 0.75);
  });
  test("is at most the setting, and that from the second step on without warm-up", () => {
    assert.equal(decayAt(1_000_000, { decay: 0.99, warmup: true }), 0.99);
    assert.equal(decayAt(1, { decay: 0.99, warmup: false }), 0.99);
  });
});

describe("the average", () => {
  test("is of parameters and of batch norm's statistics; what counts passes is copied", () => {
    const { model, method } = fitted();
    for (const [step, [weight, mean]] of [
      [8, 4],
      [4, 0],
      [0, 8],
    ].entries()) {
      model.set(weight as number, mean as number);
      method.afterStep(step);
    }
    method.show(true);
    // 8, then ¾·8 + ¼·4 = 7, then ¾·7 + ¼·0; 4, then 3, then ¾·3 + ¼·8.
    assert.deepEqual(model.values, [5.25, 4.25, 3]);
    method.show(false);
    assert.deepEqual(model.values, [0, 8, 3]);
  });

  test("is shown once, whoever asks, and is what is left at the end", () => {
    const { model, method } = fitted();
    model.set(8, 4);
    method.afterStep(0);
    model.set(4, 0);
    method.afterStep(1);
    assert.equal(method.view, "averaged");
    method.show(true);
    method.show(true);
    method.show(false);
    assert.deepEqual(model.values, [4, 0, 2]);
    method.deploy();
    assert.deepEqual([model.values, method.view], [[7, 3, 2], null]);
    method.show(false);
    assert.deepEqual(model.values, [7, 3, 2]);
  });

  test("goes on from a saved state bit for bit", () => {
    const [first, second] = [fitted(), fitted()];
    for (const step of [0, 1, 2]) {
      first.model.set(Math.sin(step), Math.cos(step));
      first.method.afterStep(step);
    }
    second.method.load(JSON.parse(JSON.stringify(first.method.state())), first.method.tensors());
    for (const { model, method } of [first, second]) {
      model.set(3, 5);
      method.afterStep(3);
      method.deploy();
    }
    assert.deepEqual(second.model.values.slice(0, 2), first.model.values.slice(0, 2));
  });

  test("is the network's own weights where they were saved as they are deployed", () => {
    const { model, method } = fitted();
    model.set(8, 4);
    method.load(method.state(), new Map());
    assert.equal(method.view, null);
    assert.equal(method.tensors().size, 0);
    method.deploy();
    assert.deepEqual(model.values.slice(0, 2), [8, 4]);
  });

  test("of another decay is not gone on with", () => {
    const { method } = fitted();
    const saved = fitted({ decay: 0.9, warmup: true }).method.state();
    assert.throws(() => method.load(saved, new Map()), usage(/decay \(saved 0.9, now 0.75\), warmup/));
  });

  test("leaves no tensor behind, whatever is shown", () => {
    const model = new Norm();
    const before = memoryStats().tensors;
    const average = new WeightAverage(model);
    average.update(0.5);
    average.show(true);
    average.show(false);
    average.show(true);
    average.dispose();
    assert.equal(memoryStats().tensors, before);
  });
});

describe("a run of PEA with mixed images and averaged weights", () => {
  const recipe = { ...smallRecipe, methods: ["mixup", { ema: 0.8 }] };
  const runDirectory = join(temporaryFolder(), "run");
  let result: TrainResult;
  before(async () => {
    result = await train(recipe, { runDirectory });
  });

  const weightsOf = (name: string) => {
    const { tensors } = readSafetensors(join(runDirectory, "checkpoints", `${name}.safetensors`));
    const numbers = ([key, one]: [string, Tensor]) => [key, Array.from(one.toTypedArray(), Number)] as const;
    return new Map([...tensors].map(numbers));
  };

  test("scores the averaged weights after each epoch, and with ReLU in the place of the ensemble while it lasts", () => {
    const epochs = readMetrics(join(runDirectory, "metrics.jsonl")).filter(({ kind }) => kind === "epoch");
    assert.equal(epochs.length, 3);
    for (const row of epochs) assert.ok("averaged/top1" in row && "val/top1" in row);
    const [first, , last] = epochs;
    assert.notEqual(first?.["deployed/loss"], first?.["averaged/loss"]);
    assert.notEqual(last?.["averaged/loss"], last?.["val/loss"]);
    assert.equal(last?.["deployed/loss"], last?.["averaged/loss"]);
    assert.equal(result.best?.validationLoss, last?.["averaged/loss"]);
  });

  test("keeps both weights in its checkpoint, and in the best model the averaged ones", () => {
    const [last, best] = [weightsOf("last"), weightsOf("best")];
    const keys = [...last.keys()].filter((key) => !key.includes("/"));
    assert.deepEqual([...best.keys()].sort(), keys.sort());
    assert.equal(result.best?.epoch, 3);
    for (const key of keys) assert.deepEqual(best.get(key), last.get(`methods/ema/${key}`), key);
    assert.ok(keys.some((key) => `${best.get(key)}` !== `${last.get(key)}`));
  });

  test("is opened under both views, or as it is deployed, and scores what its result says", async () => {
    for (const checkpoint of ["last", "best"] as const) {
      const trained = await openTrainedRun(runDirectory, { checkpoint });
      const { model, methods, data } = trained;
      assert.deepEqual(methods.views, checkpoint === "last" ? ["current", "averaged"] : ["current"]);
      methods.deploy();
      const test = evaluationLoader(data.test, data, "cpu");
      const scores = await evaluate(model, test, { task: data.task, device: "cpu" });
      assert.deepEqual(scores, result[checkpoint]?.test);
      disposeRun(trained);
    }
  });

  test("is asked with the averaged weights, whichever of its files is taken", async () => {
    const image = Float32Array.from({ length: 28 * 28 }, (_, i) => Math.sin(i));
    const answers = [];
    for (const checkpoint of ["last", "best"] as const) {
      const predictor = await openPredictor(runDirectory, { checkpoint });
      answers.push(Array.from((await predictor.run(image, 1)).values));
      await predictor.close();
    }
    assert.deepEqual(answers[0], answers[1]);
  });

  test("is exported with ReLU only, under its name", async () => {
    const { operators, largestDifference } = await exportRun(runDirectory);
    assert.ok((operators.Relu ?? 0) > 0);
    assert.ok(largestDifference <= 1e-4);
  });
});
