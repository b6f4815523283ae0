import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  add,
  BatchNorm2d,
  type BatchNormState,
  batchNorm,
  Conv2d,
  conv2d,
  foldBatchNorms,
  getRngState,
  Module,
  memoryStats,
  noGrad,
  randn,
  readSafetensors,
  scope,
  setNumThreads,
  type Tensor,
  uniformInPlace,
} from "@pea/torch";
import type { BatchLoader } from "../../../src/data/loading/loader.ts";
import { exportRun } from "../../../src/export/export.ts";
import { GraphNetwork } from "../../../src/import/network/graph-network.ts";
import { ReparameterizeMethod } from "../../../src/methods/index.ts";
import { Methods } from "../../../src/methods/methods.ts";
import { createModel } from "../../../src/models/index.ts";
import { settleIdleNorms } from "../../../src/run/batch-norm-statistics.ts";
import { evaluationLoader } from "../../../src/run/loaders.ts";
import { disposeRun } from "../../../src/run/prepare-run.ts";
import { openTrainedRun } from "../../../src/run/trained-run.ts";
import { evaluate } from "../../../src/tasks/evaluate.ts";
import { traceNetwork } from "../../../src/trace/trace.ts";
import { train } from "../../../src/train/train.ts";
import { fitContext } from "../../support/fit-context.ts";
import { FunctionNetwork } from "../../support/function-network.ts";
import { numbers } from "../../support/numbers.ts";
import "../../support/pair-network.ts";
import { smallRecipe } from "../../support/small-recipe.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);

/** 3×3 with an identity, depthwise with a bias, in groups, and one with strides and more channels. */
class Net extends Module {
  readonly conv = new Conv2d(4, 4, 3, { padding: 1, bias: false });
  readonly norm = new BatchNorm2d(4, { eps: 1e-3 });
  readonly depthwise = new Conv2d(4, 4, 5, { padding: 2, groups: 4 });
  readonly depthwiseNorm = new BatchNorm2d(4);
  readonly grouped = new Conv2d(4, 4, [3, 1], { padding: [2, 0], dilation: [2, 1], groups: 2, bias: false });
  readonly groupedNorm = new BatchNorm2d(4);
  readonly strided = new Conv2d(4, 6, 3, { padding: 1, stride: 2, bias: false });
  readonly stridedNorm = new BatchNorm2d(6);

  override forward(x: Tensor): Tensor {
    const first = this.norm.forward(this.conv.forward(x));
    const second = this.depthwiseNorm.forward(this.depthwise.forward(first));
    const third = this.groupedNorm.forward(this.grouped.forward(second));
    return this.stridedNorm.forward(this.strided.forward(third));
  }
}

const inputShape = [4, 9, 8];
const x = randn([3, ...inputShape]);
const infer = (model: Module, images: Tensor) => noGrad(() => numbers(model.forward(images)));

/** As after training: no batch norm is what it was at first. */
function spread(model: Module): void {
  noGrad(() => {
    for (const module of model.namedModules().values())
      if (module instanceof BatchNorm2d)
        for (const [one, low] of [
          [module.weight, -2],
          [module.bias, -2],
          [module.runningMean, -2],
          [module.runningVar, 0.2],
        ] as const)
          uniformInPlace(one, { low, high: 2 });
  });
}

function fitted(model: Module, { copies = 1, gamma = 1, shape = inputShape } = {}) {
  const hooks = new ReparameterizeMethod({ copies, gamma });
  const methods = new Methods([{ name: "reparameterize", hooks }]);
  methods.fit(fitContext({ model, inputShape: shape }));
  return { hooks, methods };
}

const close = (actual: readonly number[], expected: readonly number[]) => {
  const scale = Math.max(...expected.map(Math.abs));
  for (const [i, value] of actual.entries())
    assert.ok(Math.abs(value - (expected[i] as number)) <= 1e-5 * scale, `${value} is not ${expected[i]}`);
};

/** The largest difference. */
const distance = (some: readonly number[], others: readonly number[]) =>
  Math.max(...some.map((value, i) => Math.abs(value - (others[i] as number))));

/** norm(x) by libtorch's operator alone. */
const normalized = (x: Tensor, { weight, bias, runningMean, runningVar, training, eps }: BatchNormState) =>
  batchNorm(x, { weight, bias, runningMean, runningVar, training, eps, momentum: 0 });

describe("a convolution with branches", () => {
  for (const training of [true, false])
    test(`adds to norm(conv(x)) those of 1×1, the identity and copies, ${training ? "in training" : "in evaluation"}`, () => {
      const model = new Net();
      const { hooks } = fitted(model, { copies: 2 });
      spread(model);
      model.train(training);
      const state = model.stateDict();
      const weight = (key: string) => state.get(key) as Tensor;
      const norm = (path: string) => model.getModule(path) as BatchNorm2d;
      const branch = (path: string, padding: number) =>
        normalized(conv2d(x, weight(`${path}.conv.weight`), { padding, bias: null }), norm(`${path}.norm`));
      const expected = noGrad(() =>
        [
          normalized(conv2d(x, weight("conv.weight"), { padding: 1, bias: null }), norm("norm")),
          branch("conv.branches.copies.0", 1),
          branch("conv.branches.pointwise", 0),
          normalized(x, norm("conv.branches.identity")),
        ].reduce((sum, one) => add(sum, one)),
      );
      close(
        noGrad(() => numbers(model.norm.forward(model.conv.forward(x)))),
        numbers(expected),
      );
      hooks.dispose();
    });

  test("becomes the plain network of the same outputs and keys", () => {
    const model = new Net();
    const keys = [...model.stateDict().keys()];
    const { methods } = fitted(model, { copies: 3 });
    spread(model);
    model.eval();
    const before = infer(model, x);
    const plain = new Net();
    plain.loadStateDict(methods.deployedWeights(model));
    close(infer(plain.eval(), x), before);
    methods.deploy();
    assert.deepEqual([...model.stateDict().keys()], keys);
    assert.deepEqual(infer(model, x), infer(plain, x));
  });

  test("trains on as the plain one, once its batch norms have statistics", async () => {
    const model = new Net();
    const { methods } = fitted(model);
    spread(model);
    const [merged, settled] = [new Net(), new Net()];
    for (const plain of [merged, settled]) plain.loadStateDict(methods.deployedWeights(model));
    const deployed = infer(merged.eval(), x);
    const batches = { batches: () => [{ images: x }] } as unknown as BatchLoader;
    assert.equal(await settleIdleNorms(settled, batches), 4);
    close(infer(settled.eval(), x), deployed);
    const [before, after] = [merged, settled].map((net) => distance(infer(net.train(), x), deployed));
    assert.ok(20 * (after as number) < (before as number), `${before}, ${after}`);
  });

  test("is what an imported network's has, too, with batch norm folded for an evaluation", () => {
    const source = createModel("resnet18-0.25-small", { classes: 10, inputChannels: 3 });
    const shape = [3, 32, 32];
    const images = randn([2, ...shape]);
    const { graph } = traceNetwork(source.eval(), shape);
    for (const model of [source, new GraphNetwork(graph)]) {
      const { methods } = fitted(model, { shape });
      assert.equal([...model.namedModules().keys()].filter((path) => path.endsWith("identity")).length, 13);
      spread(model);
      model.eval();
      const branched = infer(model, images);
      const unfold = foldBatchNorms(model, images);
      close(infer(model, images), branched);
      unfold();
      methods.deploy();
      close(infer(model, images), branched);
    }
  });

  test("begins as the plain one where γ is 0", () => {
    const model = new Net();
    model.eval();
    const before = infer(model, x);
    fitted(model, { gamma: 0 });
    assert.deepEqual(infer(model, x), before);
  });

  test("is drawn by the run's seed, apart from all else", () => {
    const contexts = [new Net(), new Net()].map((model) => fitContext({ model, inputShape }));
    const before = numbers(getRngState());
    for (const context of contexts) new ReparameterizeMethod({ copies: 1, gamma: 1 }).fit(context);
    assert.deepEqual(numbers(getRngState()), before);
    const [one, other] = contexts.map(({ model }) =>
      model.stateDict().get(`conv.branches.pointwise.conv.weight`),
    );
    assert.deepEqual(numbers(one as Tensor), numbers(other as Tensor));
  });

  test("leaves no tensor behind", () => {
    const context = fitContext({ model: new Net(), inputShape });
    const before = memoryStats().tensors;
    const hooks = new ReparameterizeMethod({ copies: 1, gamma: 1 });
    const methods = new Methods([{ name: "reparameterize", hooks }]);
    methods.fit(context);
    for (const _ of [1, 2]) scope(() => void context.model.forward(x));
    methods.deploy();
    methods.dispose();
    assert.equal(memoryStats().tensors, before);
  });
});

test("a network without a convolution to branch is refused", () => {
  const conv = new Conv2d(4, 4, 1);
  class Pointwise extends Module {
    readonly conv = conv;
    readonly norm = new BatchNorm2d(4);
    override forward(x: Tensor): Tensor {
      return this.norm.forward(this.conv.forward(x));
    }
  }
  for (const model of [new Pointwise(), new FunctionNetwork((x) => conv.forward(x))])
    assert.throws(
      () => fitted(model),
      usage(/reparameterize finds no convolution in (Pointwise|FunctionNetwork)/),
    );
});

test("a run keeps, scores and exports its best model as the plain network", async () => {
  const runDirectory = join(temporaryFolder(), "run");
  const recipe = { ...smallRecipe, model: "pair-network" };
  const methods = ["reparameterize", { ema: 0.8 }];
  const result = await train({ ...recipe, methods }, { runDirectory });
  const plain = createModel(recipe.model);
  const keysOf = (name: string) =>
    [...readSafetensors(join(runDirectory, "checkpoints", `${name}.safetensors`)).tensors.keys()].sort();
  assert.deepEqual(keysOf("best"), [...plain.stateDict().keys()].sort());
  assert.ok(keysOf("last").some((key) => key.includes(".branches.")));
  const { operators } = await exportRun(runDirectory);
  assert.ok((operators.Relu ?? 0) > 0);
  for (const checkpoint of ["best", "last"] as const) {
    const trained = await openTrainedRun(runDirectory, { checkpoint });
    const { model, data } = trained;
    trained.methods.deploy();
    assert.deepEqual([...model.stateDict().keys()], [...plain.stateDict().keys()]);
    const scores = await evaluate(model, evaluationLoader(data.test, data, "cpu"), {
      task: data.task,
      device: "cpu",
    });
    assert.deepEqual(scores, result[checkpoint]?.test);
    disposeRun(trained);
  }
  await assert.rejects(
    train(
      { ...recipe, initialCheckpoint: join(runDirectory, "checkpoints", "last.safetensors") },
      { runDirectory: join(temporaryFolder(), "run") },
    ),
    usage(
      /conv2\.branches\..*\nwhere these are layers that a run's methods merge in the end, take the run's checkpoints\/.*, pea export RUN and begin with --model RUN\/model\.onnx/s,
    ),
  );
  const first = createModel(recipe.model);
  first.loadStateDict(readSafetensors(join(runDirectory, "checkpoints", "best.safetensors")).tensors);
  const valuesOf = (model: Module, key: string) => numbers(model.stateDict().get(key) as Tensor);
  const [initialCheckpoint, model] = ["checkpoints/best.safetensors", "model.onnx"].map((file) =>
    join(runDirectory, file),
  );
  for (const begin of [{ initialCheckpoint }, { model }]) {
    const begun = join(temporaryFolder(), "begun");
    const settings = { lr: 0, epochs: 1, pea: "none", methods: [{ reparameterize: { gamma: 0 } }] };
    await train({ ...recipe, ...begin, ...settings }, { runDirectory: begun });
    const trained = await openTrainedRun(begun, { checkpoint: "last" });
    const { model } = trained;
    assert.deepEqual(valuesOf(model, "conv2.weight"), valuesOf(first, "conv2.weight"));
    const variances = valuesOf(model, "bn2.running_var");
    for (const [channel, scale] of valuesOf(model, "bn2.weight").entries())
      assert.ok(Math.abs(scale ** 2 / (variances[channel] as number) - 1) < 0.2, `${scale}`);
    disposeRun(trained);
  }
});
