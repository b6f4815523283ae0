import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { ReLU, readSafetensors, setNumThreads } from "@pea/torch";
import { exportRun } from "../../../src/export/export.ts";
import { readOnnx } from "../../../src/export/onnx/decode.ts";
import { type EnsembleActivation, type FitContext, SwapMethod } from "../../../src/methods/index.ts";
import type { RecipeInput } from "../../../src/recipe/recipe.ts";
import { evaluationLoader } from "../../../src/run/loaders.ts";
import { readMetrics } from "../../../src/run/metrics.ts";
import { disposeRun } from "../../../src/run/prepare-run.ts";
import type { TrainResult } from "../../../src/run/result.ts";
import { openTrainedRun } from "../../../src/run/trained-run.ts";
import { evaluate } from "../../../src/tasks/evaluate.ts";
import { train } from "../../../src/train/train.ts";
import { fitContext } from "../../support/fit-context.ts";
import { temporaryFolder, writeTinyData } from "../../support/tiny-data.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);

function fit(at: string | number, run: Partial<FitContext> = {}): SwapMethod {
  const method = new SwapMethod({ smooth: "mish", at });
  method.fit(fitContext(run));
  return method;
}

describe("the hooks", () => {
  test("two phases: the smooth activation, then ReLU", () => {
    assert.deepEqual(fit("90%").phases, [
      { name: "smooth", firstStep: 0, endStep: 108 },
      { name: "relu", firstStep: 108, endStep: 120 },
    ]);
    assert.deepEqual(fit("9ep").phases[1], { name: "relu", firstStep: 90, endStep: 120 });
  });

  test("100 % is the smooth activation to the last step", () => {
    assert.deepEqual(fit("100%").phases, [{ name: "smooth", firstStep: 0, endStep: 120 }]);
  });

  test("the activation is the smooth one up to the swap and ReLU from it on", () => {
    const run = fitContext();
    const method = new SwapMethod({ smooth: "mish", at: "90%" });
    method.fit(run);
    const { control, ensembleActOptions } = run.model.getModule("features.0.act") as EnsembleActivation;
    assert.equal(ensembleActOptions?.smooth, "mish");
    const seen = [0, 107, 108, 119].map((step) => {
      method.beforePass(step);
      return [control.effectiveAlpha(0), method.scalars().alpha];
    });
    assert.deepEqual(seen, [
      [0, 0],
      [0, 0],
      [1, 1],
      [1, 1],
    ]);
  });

  test("both views are scored until the swap, and scoring leaves the activation as it was", () => {
    const run = fitContext();
    const method = new SwapMethod({ smooth: "mish", at: "90%" });
    method.fit(run);
    const { control } = run.model.getModule("features.0.act") as EnsembleActivation;
    method.beforePass(107);
    assert.equal(method.view, "deployed");
    method.show(true);
    assert.equal(control.effectiveAlpha(0), 1);
    method.show(false);
    assert.equal(control.effectiveAlpha(0), 0);
    method.beforePass(108);
    assert.equal(method.view, null);
  });

  test("candidates trained with ReLU from their first step", () => {
    const isCandidate = (method: SwapMethod) => (epoch: number) =>
      method.isCandidate({ firstStep: 10 * (epoch - 1), endStep: 10 * epoch });
    assert.deepEqual([1, 10, 11, 12].map(isCandidate(fit("85%"))), [false, false, false, true]);
    assert.deepEqual([1, 10, 11, 12].map(isCandidate(fit("100%"))), [false, false, false, false]);
  });

  test("the end is a plain ReLU network, without fine-tuning too, and none before the swap", () => {
    for (const at of ["90%", "100%"]) {
      const run = fitContext();
      const method = new SwapMethod({ smooth: "mish", at });
      method.fit(run);
      method.beforePass(106);
      assert.throws(() => method.deploy(), /alpha is 0 at features.0.act, not 1/);
      method.beforePass(119);
      method.deploy();
      assert.ok(run.model.getModule("features.13.pw.act") instanceof ReLU);
    }
  });

  test("a swap before the first step or after the last is refused", () => {
    assert.throws(() => fit("0%"), usage(/at step 0 of 120; leave swapToRelu and activation out/));
    assert.throws(() => fit(13), usage(/13ep swaps ReLU in at step 130 of 120; take an earlier point/));
    assert.throws(() => new SwapMethod({ smooth: "mish", at: "late" }), usage(/late/));
  });

  test("hooks before fit are an error", () => {
    assert.throws(
      () => new SwapMethod({ smooth: "mish", at: "90%" }).beforePass(0),
      /SwapMethod: call fit before/,
    );
  });
});

describe("the state", () => {
  test("survives JSON and goes on where it stopped", () => {
    for (const step of [41, 107, 108]) {
      const before = fit("90%");
      before.beforePass(step);
      const after = fit("90%");
      after.load(JSON.parse(JSON.stringify(before.state())));
      assert.deepEqual([after.state(), after.scalars()], [before.state(), before.scalars()]);
    }
  });

  test("of a finished run is opened as the deployed network", () => {
    const ended = fit("100%");
    ended.beforePass(119);
    const opened = fit("100%");
    opened.load(ended.state());
    assert.equal(opened.view, null);
    assert.deepEqual(opened.scalars(), { alpha: 1 });
  });

  test("of another plan is refused, naming what differs", () => {
    const { ...saved } = fit("90%").state();
    assert.throws(() => fit("75%").load(saved), usage(/swapStep \(saved 108, now 90\)/));
  });
});

describe("a run", () => {
  // 6 steps per epoch, 24 in all.
  const tiny: RecipeInput = {
    model: "mobilenet-0.25-small",
    dataDir: writeTinyData(),
    epochs: 4,
    batchSize: 32,
    lr: 0.05,
    activation: "mish",
    threads: 1,
  };
  const runs = { upperLimit: undefined, "75%": "75%", "100%": "100%" };
  const results = {} as Record<keyof typeof runs, TrainResult>;
  before(async () => {
    for (const [name, swapToRelu] of Object.entries(runs)) {
      const runDirectory = join(temporaryFolder(), "run");
      results[name as keyof typeof runs] = await train({ ...tiny, swapToRelu }, { runDirectory });
    }
  });

  const weights = ({ runDirectory }: TrainResult) =>
    [...readSafetensors(join(runDirectory, "checkpoints", "last.safetensors")).tensors].map(
      ([key, value]) => [key, Buffer.from(value.toTypedArray().buffer).toString("hex")],
    );
  const epochs = ({ runDirectory }: TrainResult) =>
    readMetrics(join(runDirectory, "metrics.jsonl")).filter(({ kind }) => kind === "epoch");

  test("is the upper limit's bit by bit up to the swap, and parts from it there", () => {
    const losses = (result: TrainResult) => epochs(result).map((row) => row["train/loss"]);
    assert.deepEqual(losses(results["75%"]).slice(0, 3), losses(results.upperLimit).slice(0, 3));
    assert.notEqual(losses(results["75%"])[3], losses(results.upperLimit)[3]);
    assert.deepEqual(weights(results["100%"]), weights(results.upperLimit));
  });

  test("scores the network with both activations while they differ", () => {
    const views = (result: TrainResult) =>
      epochs(result).map((row) => ["val/top1" in row, "deployed/top1" in row]);
    assert.deepEqual(views(results["100%"]), Array(4).fill([true, true]));
    assert.deepEqual(views(results["75%"]), [...Array(3).fill([true, true]), [true, false]]);
  });

  test("without fine-tuning has no best model, and is scored with ReLU in the upper limit's weights", async () => {
    assert.equal(results["100%"].best, null);
    assert.equal(results["75%"].best?.epoch, 4);
    const smooth = await openTrainedRun(results.upperLimit.runDirectory, { checkpoint: "last" });
    try {
      const { model, data } = smooth;
      const score = () =>
        evaluate(model, evaluationLoader(data.test, data, "cpu"), { task: data.task, device: "cpu" });
      assert.deepEqual(results.upperLimit.last.test, await score());
      const names = [...model.namedModules()].flatMap(([path, module]) =>
        module.constructor.name === "Mish" ? [path] : [],
      );
      for (const path of names) model.replaceModule(path, new ReLU());
      assert.equal(names.length, 27);
      assert.deepEqual(results["100%"].last.test, await score());
      assert.notEqual(results["100%"].last.test.loss, results.upperLimit.last.test.loss);
    } finally {
      disposeRun(smooth);
    }
  });

  test("is exported as the network it is: ReLU only", async () => {
    for (const name of ["75%", "100%"] as const) {
      const { file } = await exportRun(results[name].runDirectory);
      assert.equal((await readOnnx(file)).metadata.method, `mish, ReLU from ${name}`);
    }
    await assert.rejects(exportRun(results.upperLimit.runDirectory), usage(/a run with mish all along/));
  });
});
