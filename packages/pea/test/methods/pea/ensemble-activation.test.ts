import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { activations, type SmoothName, weighted, weightedDerivative } from "@pea/core";
import {
  backward,
  contiguous,
  type DType,
  Module,
  manualSeed,
  ReLU,
  randn,
  setNumThreads,
  sum,
  type Tensor,
  tensor,
} from "@pea/torch";
import { createActivation } from "../../../src/activations/index.ts";
import { applyPea, type EnsembleSettings } from "../../../src/methods/index.ts";
import { numbers } from "../../support/numbers.ts";

setNumThreads(1);

const smoothNames = [
  "gelu",
  "swish",
  "mish",
  "elu",
  "hardswish",
  "gelu-tanh",
] as const satisfies SmoothName[];

/** Two sites side by side. */
class TwoSites extends Module {
  readonly first: Module = new ReLU();
  readonly second: Module = new ReLU();
  forward(x: Tensor): Tensor {
    return this.first.forward(x);
  }
}

/** One site with its handle. */
function site(settings: EnsembleSettings, alpha: number) {
  const model = new TwoSites();
  const handle = applyPea(model, settings);
  handle.alpha = alpha;
  return { model, handle };
}

function assertClose(actual: number[], expected: number[], tolerance: number): void {
  assert.equal(actual.length, expected.length);
  for (const [i, value] of actual.entries()) {
    const wanted = expected[i] as number;
    assert.ok(Math.abs(value - wanted) <= tolerance, `[${i}]: ${value}, expected ${wanted}`);
  }
}

beforeEach(() => manualSeed(11));

const points = [-6, -2.5, -1, -0.3, 0.2, 1, 3, 7];

for (const smooth of smoothNames) {
  test(`weighted ${smooth}: α ReLU + (1 − α) Act, and its derivative`, () => {
    const { model } = site({ ensemble: "weighted", smooth }, 0.3);
    const x = tensor(points, { dtype: "float64", requiresGrad: true });
    const y = model.forward(x);
    assertClose(
      numbers(y),
      points.map((point) => weighted(point, 0.3, smooth)),
      1e-12,
    );
    backward(sum(y));
    assertClose(
      numbers(x.grad as Tensor),
      points.map((point) => weightedDerivative(point, 0.3, smooth)),
      1e-12,
    );
  });

  test(`stochastic ${smooth}: each element is ReLU with probability α, else Act, and so is its derivative`, () => {
    const alpha = 0.3;
    const { model } = site({ ensemble: "stochastic", smooth, seed: 5 }, alpha);
    // Away from 0, where the two branches meet.
    const point = -0.8;
    const count = 100_000;
    const x = tensor(new Float64Array(count).fill(point), { dtype: "float64", requiresGrad: true });
    const y = model.forward(x);
    backward(sum(y));
    const gradient = numbers(x.grad as Tensor);
    let reluCount = 0;
    for (const [i, value] of numbers(y).entries()) {
      const branch = activations[value === 0 ? "relu" : smooth];
      if (branch.name === "relu") reluCount++;
      assert.ok(Math.abs(value - branch.f(point)) < 1e-12);
      assert.ok(Math.abs((gradient[i] as number) - branch.df(point)) < 1e-12);
    }
    const error = 5 * Math.sqrt((alpha * (1 - alpha)) / count);
    assert.ok(Math.abs(reluCount / count - alpha) <= error, `share of ReLU ${reluCount / count}`);
  });
}

describe("moments for normal inputs at α = 0.5 (spec recipes 5.3)", () => {
  const table: Record<SmoothName, { mean: number; weightedSquare: number; stochasticSquare: number }> = {
    gelu: { mean: 0.340518536, weightedSquare: 0.458594106, stochasticSquare: 0.462610741 },
    swish: { mean: 0.302781622, weightedSquare: 0.416973838, stochasticSquare: 0.42788776 },
    mish: { mean: 0.319673084, weightedSquare: 0.467829907, stochasticSquare: 0.476171096 },
    elu: { mean: 0.279731426, weightedSquare: 0.536236354, stochasticSquare: 0.572472709 },
    hardswish: { mean: 0.282579491, weightedSquare: 0.398981057, stochasticSquare: 0.415783688 },
    "gelu-tanh": { mean: 0.340490434, weightedSquare: 0.458575583, stochasticSquare: 0.462596856 },
  };
  const count = 300_000;

  for (const smooth of smoothNames) {
    for (const ensemble of ["weighted", "stochastic"] as const) {
      test(`${ensemble} ${smooth}`, () => {
        const y = site({ ensemble, smooth }, 0.5)
          .model.forward(randn([count]))
          .toTypedArray() as Float32Array;
        const moment = (power: number) => y.reduce((total, value) => total + value ** power, 0) / count;
        const { mean, weightedSquare, stochasticSquare } = table[smooth];
        const square = ensemble === "weighted" ? weightedSquare : stochasticSquare;
        const meanError = 5 * Math.sqrt((square - mean ** 2) / count);
        const squareError = 5 * Math.sqrt((moment(4) - square ** 2) / count);
        assert.ok(
          Math.abs(moment(1) - mean) <= meanError,
          `mean ${moment(1)}, expected ${mean} ± ${meanError}`,
        );
        assert.ok(
          Math.abs(moment(2) - square) <= squareError,
          `square ${moment(2)}, expected ${square} ± ${squareError}`,
        );
      });
    }
  }
});

describe("stochastic masks", () => {
  const x = () => tensor(new Float32Array(4096).fill(-0.8));
  const draw = ({ seed = 1, step = 3, part = 0, path = "first" }) => {
    const { model, handle } = site({ ensemble: "stochastic", smooth: "mish", seed }, 0.5);
    handle.step = step;
    handle.part = part;
    return numbers(model.getModule(path).forward(x()));
  };
  /** Share of elements that two draws have in common. */
  const agreement = (a: number[], b: number[]) => a.filter((value, i) => value === b[i]).length / a.length;

  test("follow from seed, site, step and part of the batch alone", () => {
    assert.deepEqual(draw({}), draw({}));
    assert.deepEqual(draw({ part: 2 }), draw({ part: 2 }));
  });

  test("are independent between steps, parts, sites and seeds", () => {
    for (const other of [{ step: 4 }, { part: 1 }, { part: 3, step: 0 }, { path: "second" }, { seed: 2 }]) {
      const shared = agreement(draw({}), draw(other));
      assert.ok(Math.abs(shared - 0.5) <= 5 * Math.sqrt(0.25 / 4096), `${JSON.stringify(other)}: ${shared}`);
    }
  });

  test("leave the global generator alone", () => {
    const after = (use: () => void) => {
      manualSeed(1);
      use();
      return numbers(randn([4]));
    };
    assert.deepEqual(
      after(() => draw({})),
      after(() => {}),
    );
  });
});

test("stochastic in evaluation is its expectation, the weighted formula", () => {
  const x = randn([1000]);
  const { model } = site({ ensemble: "stochastic", smooth: "gelu" }, 0.7);
  const weightedSite = site({ ensemble: "weighted", smooth: "gelu" }, 0.7);
  assert.deepEqual(numbers(model.eval().forward(x)), numbers(weightedSite.model.forward(x)));
});

test("the view deployed runs ReLU alone, whatever α is", () => {
  const x = randn([1000]);
  for (const ensemble of ["weighted", "stochastic"] as const) {
    const { model, handle } = site({ ensemble, smooth: "gelu" }, 0.4);
    handle.view = "deployed";
    assert.deepEqual(numbers(model.eval().forward(x)), numbers(new ReLU().forward(x)));
    assert.equal(handle.alpha, 0.4);
  }
});

test("at α = 1 an infinite input meets no 0 · ∞, and NaN stays NaN", () => {
  const { model } = site({ ensemble: "weighted", smooth: "mish" }, 1);
  const extremes = tensor([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN]);
  assert.deepEqual(numbers(model.forward(extremes)), [0, Number.POSITIVE_INFINITY, Number.NaN]);
});

test("shape, dtype and memory format are those of the input", () => {
  for (const dtype of ["float32", "float64", "bfloat16"] as const satisfies DType[]) {
    for (const memoryFormat of ["contiguous", "channels_last"] as const) {
      for (const alpha of [0, 0.5, 1]) {
        const x = contiguous(randn([2, 3, 4, 5], { dtype }), { memoryFormat });
        const y = site({ ensemble: "stochastic", smooth: "swish" }, alpha).model.forward(x);
        assert.deepEqual([y.dtype, ...y.shape], [dtype, 2, 3, 4, 5]);
        assert.ok(y.isContiguous(memoryFormat));
      }
    }
  }
});

describe("stochastic masks for more than an element", () => {
  const [images, channels, pixels] = [64, 24, 4];
  const x = tensor(
    Float32Array.from({ length: images * channels * pixels }, (_, i) => -1 - (i % 7) / 10),
    { shape: [images, channels, 2, 2] },
  );
  /** Of each element whether it is ReLU's: of negative numbers 0. */
  const choices = (masks: "channel" | "sample" | "layer", step = 5, alpha = 0.3) => {
    const { model, handle } = site({ ensemble: "stochastic", smooth: "mish", masks, seed: 3 }, alpha);
    handle.step = step;
    const y = numbers(model.forward(x));
    const smooth = numbers(createActivation("mish").forward(x));
    for (const [i, value] of y.entries())
      assert.ok(value === 0 || Math.abs(value - (smooth[i] as number)) < 1e-6, `${value}`);
    return y.map((value) => value === 0);
  };
  const groupsOf = (chosen: boolean[], size: number) =>
    Array.from({ length: chosen.length / size }, (_, i) => new Set(chosen.slice(i * size, (i + 1) * size)));

  test("decide for a channel of an image, or for an image, each with probability α", () => {
    for (const [masks, size] of [
      ["channel", pixels],
      ["sample", channels * pixels],
    ] as const) {
      const groups = groupsOf(choices(masks), size);
      assert.ok(groups.every((group) => group.size === 1));
      const share = groups.filter((group) => group.has(true)).length / groups.length;
      assert.ok(Math.abs(share - 0.3) < 4 * Math.sqrt((0.3 * 0.7) / groups.length), `${masks}: ${share}`);
    }
  });

  test("decide for a site's whole batch, another way in another step", () => {
    const steps = Array.from({ length: 200 }, (_, step) => new Set(choices("layer", step)));
    assert.ok(steps.every((chosen) => chosen.size === 1));
    const share = steps.filter((chosen) => chosen.has(true)).length / steps.length;
    assert.ok(Math.abs(share - 0.3) < 4 * Math.sqrt((0.3 * 0.7) / 200), `${share}`);
  });

  test("hold for the gradient as well", () => {
    const { model, handle } = site(
      { ensemble: "stochastic", smooth: "mish", masks: "channel", seed: 3 },
      0.3,
    );
    handle.step = 5;
    const input = tensor(x.toTypedArray(), { shape: x.shape, requiresGrad: true });
    backward(sum(model.forward(input)));
    const gradient = numbers(input.grad as Tensor);
    for (const [i, isRelu] of choices("channel").entries()) assert.equal(gradient[i] === 0, isRelu);
  });

  test("leave evaluation the expectation", () => {
    const [own, plain] = (["channel", "element"] as const).map((masks) => {
      const { model } = site({ ensemble: "stochastic", smooth: "mish", masks }, 0.3);
      model.eval();
      return numbers(model.forward(x));
    });
    assert.deepEqual(own, plain);
  });

  test("are refused of the weighted ensemble, which draws none", () => {
    assert.throws(
      () => applyPea(new TwoSites(), { ensemble: "weighted", smooth: "mish", masks: "channel" }),
      { kind: "usage", message: /masks is channel, but the weighted ensemble draws none; leave masks out/ },
    );
  });
});
