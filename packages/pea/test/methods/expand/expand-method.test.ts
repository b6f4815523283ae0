import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { backward, Conv2d, mul, randn, SGD, scope, setNumThreads, sum, type Tensor } from "@pea/torch";
import { Expansion } from "../../../src/methods/expand/expansion.ts";
import { ExpandMethod } from "../../../src/methods/index.ts";
import { Methods } from "../../../src/methods/methods.ts";
import { createModel } from "../../../src/models/index.ts";
import { fitContext } from "../../support/fit-context.ts";
import { FunctionNetwork } from "../../support/function-network.ts";
import { numbers } from "../../support/numbers.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);

const close = (actual: Tensor, expected: Tensor, tolerance = 1e-5) => {
  const [is, should] = [numbers(actual), numbers(expected)];
  const scale = Math.max(...should.map(Math.abs));
  for (const [i, value] of is.entries())
    assert.ok(Math.abs(value - (should[i] as number)) <= tolerance * scale, `${value} is not ${should[i]}`);
};

const kinds = {
  "3×3": () => new Conv2d(4, 6, 3, { padding: 1, bias: false }),
  "with strides, dilation and no square": () =>
    new Conv2d(4, 6, [3, 1], { padding: [2, 1], stride: 2, dilation: [2, 1], bias: false }),
  "in groups": () => new Conv2d(4, 6, 3, { padding: 1, groups: 2, bias: false }),
  depthwise: () => new Conv2d(4, 4, 5, { padding: 2, groups: 4, bias: false }),
};

describe("the expansion of a convolution", () => {
  for (const [kind, create] of Object.entries(kinds))
    test(`${kind}: three convolutions one after the other compute what it does`, () => {
      const conv = create();
      const expansion = new Expansion(conv, 3);
      const x = randn([2, 4, 9, 8]);
      close(expansion.kernel(), conv.weight);
      close(expansion.forward(x), conv.forward(x));
    });

  test("has more in the middle than the kernel needs, or its width would be for nothing", () => {
    const { middle } = new Expansion(kinds["3×3"](), 3);
    const { middle: single } = new Expansion(kinds["3×3"](), 1);
    const norm = ({ weight }: Conv2d) => Math.hypot(...numbers(weight));
    assert.ok(norm(middle) > 1.5 * norm(single), `${norm(middle)}, ${norm(single)}`);
  });
});

describe("training", () => {
  const start = () => {
    const model = createModel("mobilenet-0.25-small", { classes: 10, inputChannels: 1 });
    const keys = [...model.stateDict().keys()];
    const conv = model.getModule("features.0.conv") as Conv2d;
    const hooks = new ExpandMethod({ rate: 2 });
    const methods = new Methods([{ name: "expand", hooks }]);
    methods.fit(fitContext({ model }));
    const { expansion } = conv as unknown as { expansion: Expansion };
    return { model, keys, conv, methods, expansion };
  };

  test("gives the factors the gradients that the three convolutions would have", () => {
    const { conv, methods, expansion } = start();
    const x = randn([2, 1, 28, 28]);
    const gradient = randn([...conv.forward(x).shape]);
    const parts = [expansion.first, expansion.middle, expansion.last];
    backward(sum(mul(expansion.forward(x), gradient)));
    const expected = parts.map(({ weight }) => weight.grad as Tensor);
    for (const { weight } of parts) weight.grad = null;
    backward(sum(mul(conv.forward(x), gradient)));
    methods.afterBackward();
    for (const [i, { weight }] of parts.entries()) close(weight.grad as Tensor, expected[i] as Tensor, 1e-4);
    assert.equal(conv.weight.grad, null);
  });

  test("moves the kernel with its factors, and leaves the plain network under its keys", () => {
    const { model, keys, conv, methods, expansion } = start();
    const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 0.01 });
    const before = numbers(conv.weight);
    for (let step = 0; step < 2; step++) {
      optimizer.zeroGrad();
      scope(() => backward(sum(model.forward(randn([4, 1, 28, 28])))));
      methods.afterBackward();
      optimizer.step();
      methods.afterStep(step);
    }
    assert.notDeepEqual(numbers(conv.weight), before);
    close(conv.weight, expansion.kernel(), 1e-7);
    const kernel = numbers(conv.weight);
    methods.deploy();
    assert.deepEqual([...model.stateDict().keys()], keys);
    assert.deepEqual(numbers(conv.weight), kernel);
  });
});

test("a network without a convolution larger than 1×1 is refused", () => {
  const model = new FunctionNetwork((x) => x);
  const fit = () => new ExpandMethod({ rate: 4 }).fit(fitContext({ model }));
  assert.throws(fit, usage(/expand finds no convolution larger than 1×1 in FunctionNetwork/));
});
