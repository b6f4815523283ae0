import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { activations, formatVariant, weighted, weightedDerivative } from "@pea/core";
import { ensembleMask } from "@pea/kernels";
import {
  abs,
  add,
  backward,
  detach,
  div,
  dropout,
  exp,
  Module,
  mul,
  ones,
  ReLU,
  randn,
  relu,
  Sequential,
  setNumThreads,
  sigmoid,
  softmax,
  sqrt,
  sum,
  type Tensor,
  tanh,
  tensor,
  zeros,
} from "@pea/torch";
import { createActivation, registerActivation } from "../../src/activations/index.ts";
import { applyPea, replaceActivation } from "../../src/methods/index.ts";
import { listSites } from "../../src/models/index.ts";
import { numbers } from "../support/numbers.ts";
import { usage } from "../support/usage-error.ts";
import "../../../../examples/own-activation/squareplus.ts";

setNumThreads(1);

/** (x + √(x² + 4)) / 2 and its derivative, in float64. */
const squareplus = (x: number) => (x + Math.sqrt(x * x + 4)) / 2;
const slope = (x: number) => (1 + x / Math.sqrt(x * x + 4)) / 2;

const points = [-80, -6, -1, -0.3, 0, 0.2, 1, 7, 80];
function assertClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  assert.equal(actual.length, expected.length);
  for (const [i, value] of actual.entries())
    assert.ok(Math.abs(value - expected[i]) <= tolerance, `[${i}]: ${value}, expected ${expected[i]}`);
}

describe("an activation of one's own", () => {
  test("has values and derivatives in plain numbers, from its function alone", () => {
    const { title, f, df } = activations.squareplus;
    assert.equal(title, "Squareplus");
    // x + √(x² + 4) cancels far below 0.
    assertClose(points.map(f), points.map(squareplus), 1e-14);
    assertClose(points.map(df), points.map(slope), 1e-14);
  });

  test("has variant codes", () => {
    assert.equal(formatVariant({ ensemble: "stochastic", smooth: "squareplus", end: { epochs: 9 } }), "SQ9");
  });

  test("is a module of a class of its title, and a site like any other", () => {
    const model = new Sequential(new ReLU(), new ReLU());
    replaceActivation(model, "squareplus");
    assert.equal(model.getModule("1").constructor.name, "Squareplus");
    assert.deepEqual(
      listSites(model, [3]).map(({ path }) => path),
      ["0", "1"],
    );
    assertClose(numbers(createActivation("squareplus").forward(tensor([1]))), [squareplus(1)], 1e-6);
  });

  test("stands beside ReLU in the weighted ensemble", () => {
    const model = new Sequential(new ReLU());
    applyPea(model, { ensemble: "weighted", smooth: "squareplus" }).alpha = 0.3;
    const x = tensor(points, { dtype: "float64", requiresGrad: true });
    const y = model.forward(x);
    const [share, rest] = [0.3, 0.7];
    assertClose(
      numbers(y),
      points.map((point) => share * Math.max(point, 0) + rest * squareplus(point)),
      1e-13,
    );
    assertClose(
      numbers(y),
      points.map((point) => weighted(point, share, "squareplus")),
      1e-13,
    );
    backward(sum(y));
    assertClose(
      numbers(x.grad as Tensor),
      points.map((point) => weightedDerivative(point, share, "squareplus")),
      1e-13,
    );
  });

  test("is drawn in the stochastic ensemble by the masks of seed, site, step and part", () => {
    const model = new Sequential(new ReLU(), new ReLU());
    const handle = applyPea(model, { ensemble: "stochastic", smooth: "squareplus", seed: 7 });
    handle.alpha = 0.3;
    handle.step = 11;
    handle.part = 2;
    const x = randn([1000], { requiresGrad: true });
    const y = model.getModule("1").forward(x);
    backward(sum(y));
    const step = 2 * 2 ** 32 + 11;
    const isRelu = numbers(ensembleMask(1000, { alpha: 0.3, seed: 7, site: 1, step }));
    const drawn = numbers(x).map((value, i) =>
      isRelu[i] ? [Math.max(value, 0), value > 0 ? 1 : 0] : [squareplus(value), slope(value)],
    );
    assertClose(
      numbers(y),
      drawn.map(([f]) => f),
      1e-6,
    );
    assertClose(
      numbers(x.grad as Tensor),
      drawn.map(([, df]) => df),
      1e-6,
    );
  });

  test("is computed in float32 for bfloat16 and float16, and rounded once", () => {
    for (const [dtype, epsilon] of [
      ["bfloat16", 2 ** -8],
      ["float16", 2 ** -11],
    ] as const) {
      const model = new Sequential(new ReLU());
      applyPea(model, { ensemble: "weighted", smooth: "squareplus" }).alpha = 0.5;
      const x = randn([100], { dtype });
      const y = model.forward(x);
      assert.equal(y.dtype, dtype);
      for (const [i, value] of numbers(y).entries()) {
        const exact = weighted(numbers(x)[i], 0.5, "squareplus");
        assert.ok(
          Math.abs(value - exact) <= (epsilon + 1e-6) * Math.abs(exact),
          `${dtype} ${value} ${exact}`,
        );
      }
    }
  });

  test("may be a module", () => {
    class Softsign extends Module {
      override forward(x: Tensor): Tensor {
        return div(x, add(abs(x), 1));
      }
    }
    registerActivation("softsign", new Softsign(), { letter: "F" });
    assert.equal(activations.softsign.title, "softsign");
    assertClose([-3, 1].map(activations.softsign.f), [-0.75, 0.5], 1e-15);
    assertClose([-3, 0].map(activations.softsign.df), [1 / 16, 1], 1e-15);
    applyPea(new Sequential(new ReLU()), { ensemble: "stochastic", smooth: "softsign" });
  });
});

describe("what cannot be an activation is refused:", () => {
  class Learned extends Module {
    readonly slope = this.parameter("slope", ones([1]));
    override forward(x: Tensor): Tensor {
      return mul(x, this.slope);
    }
  }
  const cases: [what: string, f: unknown, message: RegExp][] = [
    ["no function", 3, /must be a function of a tensor, or a module, not number$/],
    [
      "learned numbers",
      new Learned(),
      /holds the tensor slope: there is no place for it in the ReLU network/,
    ],
    [
      "another shape",
      (x: Tensor) => sum(x),
      /gives float32 \[\] for a tensor float32 \[83\]; it must keep shape/,
    ],
    ["a number", (x: Tensor) => x.numel, /gives 83 for a tensor/],
    [
      "elements that look at others",
      (x: Tensor) => softmax(x, 0),
      /gives 1 for -10 alone and .* among other elements; it must be a function of each element alone/,
    ],
    ["random numbers", (x: Tensor) => dropout(x, 0.5), /of each element alone, without random numbers$/],
    ["a function that is not differentiable", (x: Tensor) => zeros(x.shape), /cannot be differentiated \(/],
    ["a way around autograd", (x: Tensor) => sigmoid(detach(x)), /compose it of operators of @pea\/torch/],
    ["no value below 0", (x: Tensor) => sqrt(x), /gives NaN at -10 in float32/],
    [
      "an infinite slope",
      (x: Tensor) => sqrt(abs(x)),
      /gives the derivative (?:NaN|Infinity|-Infinity) at 0 in/,
    ],
    // e^100 is infinite, tanh′ of it 0.
    [
      "a step that overflows",
      (x: Tensor) => mul(x, tanh(exp(x))),
      /gives the derivative NaN at 100 in float32/,
    ],
    [
      "an error of its own",
      () => {
        throw new Error("no such luck");
      },
      /cannot be computed: no such luck$/,
    ],
  ];
  for (const [what, f, message] of cases)
    test(what, () => {
      const register = () => registerActivation("attempt", f as () => Tensor, { letter: "A" });
      assert.throws(register, usage(message));
      // Nothing is left of the attempt.
      assert.throws(
        () => createActivation("attempt"),
        usage(/no module for an activation attempt; known are relu, /),
      );
    });

  test("a name or letter that is taken, or none", () => {
    const register = (name: string, titles: unknown) => () =>
      registerActivation(name, relu, titles as { letter: string });
    assert.throws(register("mish", { letter: "A" }), usage(/named mish exists already/));
    assert.throws(
      register("attempt", { letter: "M" }),
      usage(/is M, which stands for mish; free are A, B, C/),
    );
    assert.throws(register("attempt", undefined), usage(/must be a capital letter, not undefined; free are/));
  });
});
