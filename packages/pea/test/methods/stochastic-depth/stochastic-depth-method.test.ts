import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  BatchNorm2d,
  BatchNormAct2d,
  Conv2d,
  Module,
  ReLU,
  setNumThreads,
  type Tensor,
  tensor,
} from "@pea/torch";
import { StochasticDepthMethod } from "../../../src/methods/index.ts";
import { survivalOf } from "../../../src/methods/stochastic-depth/stochastic-depth-method.ts";
import { createModel } from "../../../src/models/index.ts";
import { fitContext } from "../../support/fit-context.ts";
import { numbers } from "../../support/numbers.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);

/** relu(x + norm(conv(x))), twice. */
class TwoBlocks extends Module {
  readonly conv1 = new Conv2d(1, 1, 1, { bias: false });
  readonly bn1: BatchNormAct2d = new BatchNormAct2d(1, { activation: () => this.relu1 });
  relu1: Module = new ReLU();
  readonly conv2 = new Conv2d(1, 1, 1, { bias: false });
  readonly bn2: BatchNormAct2d = new BatchNormAct2d(1, { activation: () => this.relu2 });
  relu2: Module = new ReLU();

  first(x: Tensor): Tensor {
    return this.bn1.forward(this.conv1.forward(x), x);
  }

  override forward(x: Tensor): Tensor {
    const y = this.first(x);
    return this.bn2.forward(this.conv2.forward(y), y);
  }
}

const images = 400;
const x = tensor(
  Float32Array.from({ length: images * 4 }, (_, i) => Math.sin(i) + 1.5),
  { shape: [images, 1, 2, 2] },
);
function fitted(drop = 0.4) {
  const model = new TwoBlocks();
  model.train();
  const method = new StochasticDepthMethod({ drop });
  method.fit(fitContext({ model, inputShape: [1, 2, 2] }));
  return { model, method };
}

test("branches run the less often the deeper they are, by the paper's linear decay", () => {
  const probabilities = [1, 2, 3, 4].map((branch) => survivalOf(branch, 4, 0.5));
  assert.deepEqual(probabilities, [0.875, 0.75, 0.625, 0.5]);
});

describe("in training", () => {
  const { model, method } = fitted();
  method.beforePass(3, 0);
  const seen = numbers(model.first(x));
  const branch = numbers(BatchNorm2d.prototype.forward.call(model.bn1, model.conv1.forward(x)));
  const input = numbers(x);
  const survival = 1 - 0.4 / 2;
  const isRun = Array.from({ length: images }, (_, i) => seen[4 * i] !== input[4 * i]);

  test("an image has its whole branch, scaled by 1/p, or none of it", () => {
    for (const [place, value] of seen.entries()) {
      const share = isRun[Math.floor(place / 4)] ? 1 / survival : 0;
      const expected = Math.max(0, (input[place] as number) + share * (branch[place] as number));
      assert.ok(Math.abs(value - expected) < 1e-5, `${value} is not ${expected}`);
    }
  });

  test("as many run as the probability says", () => {
    const share = isRun.filter(Boolean).length / images;
    assert.ok(Math.abs(share - survival) < 4 * Math.sqrt((survival * (1 - survival)) / images), `${share}`);
  });

  test("which ones follows from step and part of the batch", () => {
    const run = (step: number, part: number) => {
      method.beforePass(step, part);
      return numbers(model.forward(x)).join();
    };
    assert.equal(run(3, 0), run(3, 0));
    assert.equal(new Set([run(3, 0), run(4, 0), run(3, 1)]).size, 3);
  });
});

test("in evaluation, and once it is deployed, the network is the plain one", () => {
  const { model, method } = fitted();
  const plain = new TwoBlocks();
  plain.loadStateDict(model.stateDict());
  method.beforePass(0, 0);
  model.eval();
  plain.eval();
  assert.deepEqual(numbers(model.forward(x)), numbers(plain.forward(x)));
  method.deploy();
  model.train();
  plain.train();
  assert.deepEqual(numbers(model.forward(x)), numbers(plain.forward(x)));
});

test("the branches of the networks here are found, and a network without any is refused", () => {
  const images = [3, 32, 32];
  for (const [name, isFound] of [
    ["resnet18-0.25-small", true],
    ["mobilenet-v2-0.25", true],
    ["mobilenet-0.25-small", false],
  ] as const) {
    const model = createModel(name, { classes: 10, inputChannels: 3 });
    const fit = () => new StochasticDepthMethod({ drop: 0.1 }).fit(fitContext({ model, inputShape: images }));
    if (isFound) fit();
    else assert.throws(fit, usage(/stochastic-depth finds no residual branch in MobileNet/));
    assert.ok(model.training);
    model.dispose();
  }
});
