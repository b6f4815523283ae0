import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  BatchNorm2d,
  batchNorm,
  Conv2d,
  conv2d,
  leakyRelu,
  Module,
  noGrad,
  randn,
  readSafetensors,
  setNumThreads,
  type Tensor,
  uniformInPlace,
} from "@pea/torch";
import { exportRun } from "../../../src/export/export.ts";
import { ActLearnMethod } from "../../../src/methods/index.ts";
import { Methods } from "../../../src/methods/methods.ts";
import { createModel } from "../../../src/models/index.ts";
import { train } from "../../../src/train/train.ts";
import { fitContext } from "../../support/fit-context.ts";
import { FunctionNetwork } from "../../support/function-network.ts";
import { numbers } from "../../support/numbers.ts";
import "../../support/pair-network.ts";
import { smallRecipe } from "../../support/small-recipe.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);

/** With a bias and without, and one in groups, which has no second layer. */
class Net extends Module {
  readonly conv = new Conv2d(3, 4, 3, { padding: 1, stride: 2 });
  readonly norm = new BatchNorm2d(4);
  readonly grouped = new Conv2d(4, 4, 3, { padding: 1, groups: 2, bias: false });
  readonly groupedNorm = new BatchNorm2d(4);
  readonly last = new Conv2d(4, 5, 1, { bias: false });
  readonly lastNorm = new BatchNorm2d(5, { eps: 1e-3 });

  override forward(x: Tensor): Tensor {
    const first = this.norm.forward(this.conv.forward(x));
    return this.lastNorm.forward(this.last.forward(this.groupedNorm.forward(this.grouped.forward(first))));
  }
}

const inputShape = [3, 9, 8];
const x = randn([3, ...inputShape]);
/** λ goes from 0 to 1 in the first 90 of 120 steps. Batch norms are as after training. */
function fitted() {
  const model = new Net();
  const method = new ActLearnMethod({ end: "75%" });
  const methods = new Methods([{ name: "act-learn", hooks: method }]);
  methods.fit(fitContext({ model, inputShape }));
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
  model.eval();
  return { model, method, methods };
}

const close = (actual: readonly number[], expected: readonly number[]) => {
  const scale = Math.max(...expected.map(Math.abs));
  for (const [i, value] of actual.entries())
    assert.ok(Math.abs(value - (expected[i] as number)) <= 1e-5 * scale, `${value} is not ${expected[i]}`);
};

describe("a convolution with a second layer", () => {
  test("computes 1×1 of (1 − λ) · ReLU + λ · identity of its normalized result", () => {
    const { model, methods } = fitted();
    const state = model.stateDict();
    const at = (key: string) => state.get(key) as Tensor;
    for (const [step, lambda] of [
      [0, 0],
      [45, 0.5],
      [90, 1],
    ] as const) {
      methods.beforePass(step);
      const expected = noGrad(() => {
        const first = conv2d(x, at("conv.weight"), { bias: at("conv.bias"), padding: 1, stride: 2 });
        const normalized = batchNorm(first, {
          weight: at("conv.second.norm.weight"),
          bias: at("conv.second.norm.bias"),
          runningMean: at("conv.second.norm.running_mean"),
          runningVar: at("conv.second.norm.running_var"),
          training: false,
          momentum: 0,
          eps: 1e-5,
        });
        const between = leakyRelu(normalized, { negativeSlope: lambda });
        return conv2d(between, at("conv.second.conv.weight"), { bias: null });
      });
      close(
        noGrad(() => numbers(model.conv.forward(x))),
        numbers(expected),
      );
    }
    assert.ok(!state.has("grouped.second.conv.weight"));
  });

  test("becomes the plain one of the same outputs and keys once λ is 1, and not before", () => {
    const { model, method, methods } = fitted();
    methods.beforePass(89);
    assert.throws(() => methods.deploy(), /lambda is 0\.98\d*: two layers are not one yet/);
    assert.match(method.obstacle()?.why ?? "", /^lambda is 0\.989: what lies between two layers/);
    assert.deepEqual([method.isCandidate({ firstStep: 89, endStep: 100 }), method.view], [false, "deployed"]);
    methods.beforePass(119);
    assert.deepEqual([method.obstacle(), method.isCandidate({ firstStep: 90, endStep: 100 })], [null, true]);
    const before = noGrad(() => numbers(model.forward(x)));
    methods.deploy();
    assert.deepEqual([...model.stateDict().keys()], [...new Net().stateDict().keys()]);
    close(
      noGrad(() => numbers(model.forward(x))),
      before,
    );
  });
});

test("a run keeps its best model as the plain network, and exports it", async () => {
  const runDirectory = join(temporaryFolder(), "run");
  const recipe = { ...smallRecipe, model: "pair-network", methods: [{ "act-learn": "50%" }] };
  await train(recipe, { runDirectory });
  const { tensors } = readSafetensors(join(runDirectory, "checkpoints", "best.safetensors"));
  assert.deepEqual([...tensors.keys()].sort(), [...createModel("pair-network").stateDict().keys()].sort());
  const { operators } = await exportRun(runDirectory);
  assert.deepEqual([operators.Conv, operators.Relu, operators.LeakyRelu], [2, 2, undefined]);
});

test("a network without such a convolution is refused", () => {
  const model = new FunctionNetwork((x) => x);
  const fit = () => new ActLearnMethod({ end: "75%" }).fit(fitContext({ model, inputShape }));
  assert.throws(
    fit,
    usage(/act-learn finds no convolution in FunctionNetwork that it can hang a layer behind/),
  );
});
