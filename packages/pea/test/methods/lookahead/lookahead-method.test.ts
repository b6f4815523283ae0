import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { backward, Linear, Module, memoryStats, mul, SGD, scope, sum, type Tensor, tensor } from "@pea/torch";
import { LookaheadMethod } from "../../../src/methods/index.ts";
import { followsAfter } from "../../../src/methods/lookahead/lookahead-method.ts";
import { fitContext } from "../../support/fit-context.ts";
import { usage } from "../../support/usage-error.ts";

/** f(w) = ½·w², of which the gradient is w. */
class Bowl extends Module {
  readonly layer = new Linear(1, 1, { bias: false });

  override forward(x: Tensor): Tensor {
    return mul(this.layer.forward(x), this.layer.forward(x));
  }

  get weight(): number {
    return this.layer.weight.item();
  }

  set weight(value: number) {
    this.loadStateDict(new Map([["layer.weight", tensor([value], { shape: [1, 1] })]]));
  }
}

function fitted({ steps = 3, rate = 0.5, stepsPerEpoch = 100 } = {}) {
  const model = new Bowl();
  model.weight = 8;
  const method = new LookaheadMethod({ steps, rate });
  method.fit(fitContext({ model, stepsPerEpoch }));
  const optimizer = new SGD(model.parameters(), { lr: 0.25 });
  /** w ← w − ¼·2w: half of it. */
  const train = (first: number, end: number): number[] =>
    Array.from({ length: end - first }, (_, i) => {
      method.beforePass(first + i);
      optimizer.zeroGrad();
      scope(() => backward(sum(model.forward(tensor([1], { shape: [1, 1] })))));
      optimizer.step();
      method.afterStep(first + i);
      return model.weight;
    });
  return { model, method, train };
}

describe("Lookahead", () => {
  test("is algorithm 1 of the paper: k steps of the optimizer, then the share `rate` of the way from where they began", () => {
    const { train } = fitted();
    // 8 → 4 → 2 → 1, then 8 + ½·(1 − 8); 4.5 → 2.25 → 1.125 → 0.5625, then 4.5 + ½·(0.5625 − 4.5).
    assert.deepEqual(train(0, 6), [4, 2, 4.5, 2.25, 1.125, 2.53125]);
  });

  test("of rate 1 is the optimizer itself", () => {
    assert.deepEqual(fitted({ rate: 1 }).train(0, 6), [4, 2, 1, 0.5, 0.25, 0.125]);
  });

  test("follows after each k-th step of an epoch and at its end", () => {
    const follows = Array.from({ length: 10 }, (_, step) => followsAfter(step, 3, 5));
    const at = follows.flatMap((isDue, step) => (isDue ? [step] : []));
    assert.deepEqual(at, [2, 4, 7, 9]);
    assert.deepEqual(fitted({ stepsPerEpoch: 2 }).train(0, 2), [4, 8 + 0.5 * (2 - 8)]);
  });

  test("begins where training begins, though weights are loaded after it was fitted", () => {
    const { model, train } = fitted({ steps: 1 });
    model.weight = 16;
    assert.deepEqual(train(0, 1), [16 + 0.5 * (8 - 16)]);
  });

  test("goes on from a checkpoint in the middle of k steps", () => {
    const whole = fitted().train(0, 6);
    const first = fitted();
    first.train(0, 4);
    const second = fitted();
    second.model.weight = first.model.weight;
    second.method.load(first.method.state(), first.method.tensors());
    assert.deepEqual(second.train(4, 6), whole.slice(4));
    assert.throws(
      () => fitted({ steps: 4 }).method.load(first.method.state(), first.method.tensors()),
      usage(/k \(saved 3, now 4\)/),
    );
  });

  test("leaves no tensor behind", () => {
    const context = fitContext({ model: new Bowl() });
    const { tensors } = memoryStats();
    const method = new LookaheadMethod({ steps: 1, rate: 0.5 });
    method.fit(context);
    method.beforePass(0);
    method.afterStep(0);
    method.dispose();
    assert.equal(memoryStats().tensors, tensors);
  });
});
