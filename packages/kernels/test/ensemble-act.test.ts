import assert from "node:assert/strict";
import { test } from "node:test";
import { activations, weighted, weightedDerivative } from "@pea/core";
import {
  type EnsembleActOptions,
  ensembleAct,
  ensembleActComposite,
  ensembleMask,
  loadKernels,
} from "@pea/kernels";
import {
  backward,
  call,
  cast,
  type DType,
  detach,
  getNumThreads,
  grad,
  manualSeed,
  mul,
  randn,
  relu,
  scope,
  setNumThreads,
  silu,
  slice,
  sum,
  type Tensor,
  TorchError,
  tensor,
  where,
} from "@pea/torch";
import fc from "fast-check";
import { layoutNames, layouts } from "./layouts.ts";

const smooths = ["gelu", "swish", "mish", "elu", "hardswish", "gelu-tanh"] as const;
const ensembles = ["weighted", "stochastic"] as const;
const key = { seed: 7, site: 1, step: 42 };
const paths = { composite: ensembleActComposite, ...(loadKernels() ? { fused: ensembleAct } : {}) };

const numbers = (x: Tensor) => Array.from(x.toTypedArray() as Float32Array);

function largest(values: Iterable<number>): number {
  let max = 0;
  for (const value of values) max = value > max || Number.isNaN(value) ? value : max;
  return max;
}

/** Output and gradient for the loss Σ weight · y. */
function run(path: typeof ensembleAct, x: Tensor, options: EnsembleActOptions, weight?: Tensor) {
  const leaf = detach(x);
  leaf.requiresGrad = true;
  const y = path(leaf, options);
  backward(sum(weight ? mul(y, weight) : y));
  return { y, gradient: leaf.grad as Tensor };
}

/** A grid with many points near 0, where the activations bend, and some far out. */
const grid = Float64Array.from({ length: 4001 }, (_, i) => {
  const t = (i - 2000) / 2000;
  return t * 6 + t ** 9 * 100;
});

for (const [name, path] of Object.entries(paths)) {
  for (const smooth of smooths) {
    test(`${name} weighted ${smooth}: f and f′ are those of float64`, () => {
      for (const [dtype, limit] of [
        ["float32", name === "fused" ? 4 * 2 ** -24 : 1e-6], // libtorch's own Swish′ and Mish′ lose a few digits
        ["float64", 1e-14],
      ] as const) {
        for (const alpha of [0, 0.3, 0.9]) {
          scope(() => {
            const x = tensor(grid, { dtype });
            const exact = numbers(x);
            const { y, gradient } = run(path, x, { ensemble: "weighted", smooth, alpha });
            const values = numbers(y);
            const slopes = numbers(gradient);
            const errors = exact.map((v, i) => {
              const scale = Math.max(1, Math.abs(v));
              return Math.abs((values[i] as number) - weighted(v, alpha, smooth)) / scale;
            });
            const slopeErrors = exact.map((v, i) =>
              Math.abs((slopes[i] as number) - weightedDerivative(v, alpha, smooth)),
            );
            assert.ok(largest(errors) <= limit, `f, ${dtype}, alpha ${alpha}: ${largest(errors)}`);
            assert.ok(
              largest(slopeErrors) <= 1.1 * limit,
              `f′, ${dtype}, alpha ${alpha}: ${largest(slopeErrors)}`,
            );
          });
        }
      }
    });

    test(`${name} stochastic ${smooth}: each element is ReLU or ${smooth}, in backward by the same draw`, () => {
      scope(() => {
        const x = randn([10_000], { dtype: "float64" });
        const { y, gradient } = run(path, x, { ensemble: "stochastic", smooth, alpha: 0.3, ...key });
        const values = numbers(y);
        const slopes = numbers(gradient);
        let reluCount = 0;
        numbers(x).forEach((v, i) => {
          const isRelu = values[i] === activations.relu.f(v);
          const drawn = isRelu ? activations.relu : activations[smooth];
          // ELU equals ReLU above 0: there the draw does not show.
          if (isRelu) reluCount++;
          assert.ok(Math.abs((values[i] as number) - drawn.f(v)) < 1e-14);
          assert.ok(Math.abs((slopes[i] as number) - drawn.df(v)) < 1e-14);
        });
        const expected = smooth === "elu" ? 0.5 + 0.5 * 0.3 : 0.3;
        assert.ok(Math.abs(reluCount / 10_000 - expected) < 5 * Math.sqrt(0.25 / 10_000));
      });
    });
  }

  test(`${name}: at alpha = 1 output and gradient are ReLU's, bit for bit`, () => {
    const edges = [0, -0, Infinity, -Infinity, Number.NaN, 1e-40, -1e-40, 3.4e38, -3.4e38];
    for (const dtype of ["float32", "float64", "bfloat16"] as DType[]) {
      for (const ensemble of ensembles) {
        scope(() => {
          const x = cast(tensor([...edges, ...numbers(randn([500]))]), { dtype });
          const { y, gradient } = run(path, x, { ensemble, smooth: "gelu", alpha: 1, ...key });
          const plain = run((input) => relu(input), x, { ensemble, smooth: "gelu", alpha: 1 });
          assert.deepEqual(y.toTypedArray(), plain.y.toTypedArray());
          assert.deepEqual(gradient.toTypedArray(), plain.gradient.toTypedArray());
        });
      }
    }
  });

  test(`${name}: at alpha = 0 both ensembles are the smooth activation`, () => {
    for (const smooth of smooths) {
      scope(() => {
        const x = randn([1000]);
        const [first, second] = ensembles.map((ensemble) =>
          run(path, x, { ensemble, smooth, alpha: 0, ...key }),
        );
        assert.deepEqual(first?.y.toTypedArray(), second?.y.toTypedArray());
        assert.deepEqual(first?.gradient.toTypedArray(), second?.gradient.toTypedArray());
      });
    }
  });

  test(`${name}: NaN stays NaN, +∞ stays +∞ with the slope 1`, () => {
    for (const smooth of smooths) {
      for (const ensemble of ensembles) {
        scope(() => {
          const x = tensor([Number.NaN, Infinity]);
          const { y } = run(path, x, { ensemble, smooth, alpha: 0.5, ...key });
          assert.deepEqual(numbers(y), [Number.NaN, Infinity]);
        });
      }
    }
  });
}

const fused = { skip: !loadKernels() && "the kernels are not built, or PEA_KERNELS=off" };

/** B-SiLU, and its slope. */
const bSilu = {
  f: (x: number) => (x + 1.67) / (1 + Math.exp(-x)) - 0.835,
  df: (x: number) => {
    const s = 1 / (1 + Math.exp(-x));
    return s * (1 + (x + 1.67) * (1 - s));
  },
};

for (const [name, path] of Object.entries(paths)) {
  test(`${name}: Act(βx)/β takes Act's place, its slope is Act′(βx)`, () => {
    for (const smooth of smooths)
      for (const ensemble of ensembles)
        for (const beta of [0.5, 4])
          scope(() => {
            const x = tensor(grid, { dtype: "float64" });
            const options = { ensemble, smooth, alpha: 0.3, ...key };
            const { y, gradient } = run(path, x, { ...options, beta });
            const scaled = run(path, mul(x, beta), options);
            const expected = {
              y: numbers(scaled.y).map((v) => v / beta),
              gradient: numbers(scaled.gradient),
            };
            for (const [part, actual] of Object.entries({ y, gradient }))
              assert.ok(
                largest(numbers(actual).map((v, i) => Math.abs(v - (expected[part as "y"][i] as number)))) <
                  1e-13,
                `${part} of ${ensemble} ${smooth}`,
              );
          });
  });

  test(`${name}: β = 1 changes no bit`, () => {
    for (const dtype of ["float32", "bfloat16"] as const)
      for (const ensemble of ensembles)
        scope(() => {
          const x = cast(randn([500]), { dtype });
          const options = { ensemble, smooth: "mish", alpha: 0.3, ...key } as const;
          const [plain, scaled] = [run(path, x, options), run(path, x, { ...options, beta: 1 })];
          assert.deepEqual(scaled.y.toTypedArray(), plain.y.toTypedArray());
          assert.deepEqual(scaled.gradient.toTypedArray(), plain.gradient.toTypedArray());
        });
  });

  test(`${name}: a surrogate has ReLU's values to the bit and the slope of the weighted ensemble`, () => {
    // libtorch's own activations, which run alone at α = 0, round their slopes otherwise.
    for (const dtype of ["float32", "float64", "bfloat16"] as const)
      for (const smooth of [...smooths, "b-silu"] as const)
        for (const alpha of name === "fused" ? [0, 0.3] : [0.3])
          scope(() => {
            const x = cast(tensor(grid), { dtype });
            const surrogate = run(path, x, { ensemble: "surrogate", smooth, alpha });
            assert.deepEqual(surrogate.y.toTypedArray(), relu(x).toTypedArray());
            const weighted = run(path, x, { ensemble: "weighted", smooth, alpha });
            const slopes = numbers(weighted.gradient);
            const errors = numbers(surrogate.gradient).map((v, i) => Math.abs(v - (slopes[i] as number)));
            const limit = name === "fused" ? 0 : { float32: 1e-6, float64: 1e-14, bfloat16: 2 ** -5 }[dtype];
            assert.ok(largest(errors) <= limit, `${smooth} in ${dtype}: ${largest(errors)}`);
          });
  });

  test(`${name}: B-SiLU's values and slope are those of float64`, () => {
    for (const [dtype, limit] of [
      ["float32", name === "fused" ? 4 * 2 ** -24 : 1e-6],
      ["float64", 1e-14],
    ] as const)
      scope(() => {
        const x = tensor(grid, { dtype });
        const { y, gradient } = run(path, x, { ensemble: "weighted", smooth: "b-silu", alpha: 0 });
        const [values, slopes] = [numbers(y), numbers(gradient)];
        numbers(x).forEach((v, i) => {
          const scale = Math.max(1, Math.abs(v));
          assert.ok(Math.abs((values[i] as number) - bSilu.f(v)) <= limit * scale, `f(${v}) in ${dtype}`);
          assert.ok(Math.abs((slopes[i] as number) - bSilu.df(v)) <= 1.1 * limit, `f′(${v}) in ${dtype}`);
        });
      });
  });
}

test("infinities and large numbers give limits, NaN alone gives NaN", fused, () => {
  for (const smooth of smooths) {
    for (const ensemble of ensembles) {
      for (const dtype of ["float32", "bfloat16"] as const) {
        scope(() => {
          const values = [Infinity, -Infinity, 3.4e38, -3.4e38, 1e12, -1e12, Number.NaN];
          const x = cast(tensor(values), { dtype });
          const { y, gradient } = run(ensembleAct, x, { ensemble, smooth, alpha: 0, ...key });
          const floor = smooth === "elu" ? -1 : 0;
          const [, , large, , middle] = numbers(x);
          assert.deepEqual(
            numbers(y).map((v) => v + 0),
            [Infinity, floor, large, floor, middle, floor, Number.NaN],
            `${dtype} ${ensemble} ${smooth}`,
          );
          assert.deepEqual(
            numbers(gradient)
              .slice(0, -1)
              .map((v) => v + 0),
            [1, 0, 1, 0, 1, 0],
            `slopes of ${dtype} ${ensemble} ${smooth}`,
          );
        });
      }
    }
  }
});

test(
  "GELU and its slope are as exact left of 0 as the README says, in every piece of their table",
  fused,
  () => {
    scope(() => {
      const values = Array.from({ length: 7 * 512 + 1 }, (_, i) => -i / 512);
      const options = { ensemble: "weighted", smooth: "gelu", alpha: 0, ...key } as const;
      const ours = run(ensembleAct, tensor(values), options);
      const exact = run(ensembleActComposite, tensor(values, { dtype: "float64" }), options);
      for (const [part, most] of [
        ["y", 1.6e-7],
        ["gradient", 2.7e-7],
      ] as const) {
        const expected = numbers(exact[part]);
        const errors = numbers(ours[part]).map((value, i) => Math.abs(value - (expected[i] as number)));
        const worst = errors.indexOf(Math.max(...errors));
        assert.ok(
          (errors[worst] as number) <= most,
          `${part} at ${values[worst]} is off by ${errors[worst]}`,
        );
      }
    });
  },
);

test("any shape, strides, dtype, options: the fused operator agrees with the composite", fused, () => {
  // The composite in float64: in float32 libtorch's own slopes are off by up to 1e-6 (the tanh GELU's, Mish's).
  const tolerance = { float32: 6e-7, float64: 1e-13, bfloat16: 2 ** -8 } as const;
  fc.assert(
    fc.property(
      fc.tuple(fc.nat(4), fc.integer({ min: 1, max: 9 }), fc.nat(9), fc.nat(9)),
      fc.constantFrom(...layoutNames),
      fc.constantFrom(...layoutNames),
      fc.constantFrom("float32", "float64", "bfloat16"),
      fc.constantFrom(...ensembles, "surrogate" as const),
      fc.constantFrom(...smooths),
      fc.double({ min: 1e-9, max: 1 - 1e-9, noNaN: true }),
      fc.constantFrom(1, 0.5, 2),
      fc.constantFrom(undefined, undefined, 0.5),
      fc.constantFrom("element", "channel", "sample"),
      fc.integer(),
      (shape, layout, gradientLayout, dtype, ensemble, smooth, alpha, beta, bound, masks, seed) => {
        scope(() => {
          const options = { ensemble, smooth, alpha, beta, bound, masks, seed, site: 3, step: 9 };
          const results = (path: typeof ensembleAct, computed: DType) => {
            manualSeed(seed);
            const random = (of: readonly number[]) => cast(cast(randn(of), { dtype }), { dtype: computed });
            const x = layouts[layout](shape, random);
            return run(path, x, options, layouts[gradientLayout](shape, random));
          };
          const ours = results(ensembleAct, dtype);
          const reference = results(ensembleActComposite, "float64");
          assert.deepEqual(ours.y.shape, shape);
          assert.equal(ours.y.dtype, dtype);
          for (const part of ["y", "gradient"] as const) {
            const expected = numbers(reference[part]);
            numbers(ours[part]).forEach((value, i) => {
              const scale = Math.max(1, Math.abs(expected[i] as number));
              assert.ok(Math.abs(value - (expected[i] as number)) <= 2 * tolerance[dtype] * scale, part);
            });
          }
        });
      },
    ),
    { numRuns: 300 },
  );
});

test("a function in the place of a name is composed of plain operators, with the same masks", () => {
  for (const layout of layoutNames)
    for (const dtype of ["float32", "float64", "bfloat16"] as const)
      for (const ensemble of ensembles)
        for (const alpha of [0, 0.3, 1])
          scope(() => {
            const x = layouts[layout]([3, 4, 5, 6], (shape) => cast(randn(shape), { dtype }));
            const options = { ensemble, alpha, ...key };
            const ours = run(ensembleAct, x, { ...options, smooth: silu });
            const named = run(ensembleActComposite, x, { ...options, smooth: "swish" });
            assert.deepEqual(ours.y.toTypedArray(), named.y.toTypedArray(), `${layout} ${dtype} ${ensemble}`);
            assert.deepEqual(ours.gradient.toTypedArray(), named.gradient.toTypedArray());
            assert.deepEqual(ours.y.strides, named.y.strides);
          });
});

test("dense tensors keep their strides, others become contiguous", fused, () => {
  scope(() => {
    const options = { ensemble: "weighted", smooth: "gelu", alpha: 0.5 } as const;
    const x = randn([2, 3, 4, 5]);
    const channelsLast = call("aten::contiguous", x, "channels_last");
    const transposed = call("aten::transpose.int", x, 0, 2);
    const gaps = call("aten::slice.Tensor", x, 3, 0, null, 2);
    assert.deepEqual(ensembleAct(channelsLast, options).strides, channelsLast.strides);
    assert.deepEqual(ensembleAct(transposed, options).strides, transposed.strides);
    assert.ok(ensembleAct(gaps, options).isContiguous());
  });
});

test("the number of threads changes no bit", fused, () => {
  const threads = getNumThreads();
  try {
    for (const [dtype, options] of [
      ["float32", { ensemble: "stochastic", smooth: "mish", alpha: 0.4, ...key }],
      ["bfloat16", { ensemble: "stochastic", smooth: "mish", alpha: 0.4, beta: 2, ...key }],
      ["float32", { ensemble: "surrogate", smooth: "b-silu", alpha: 0 }],
    ] as [DType, EnsembleActOptions][]) {
      scope(() => {
        const x = cast(randn([300_001]), { dtype });
        const [one, two] = [1, 2].map((count) => {
          setNumThreads(count);
          return run(ensembleAct, x, options);
        });
        assert.deepEqual(one?.y.toTypedArray(), two?.y.toTypedArray());
        assert.deepEqual(one?.gradient.toTypedArray(), two?.gradient.toTypedArray());
      });
    }
  } finally {
    setNumThreads(threads);
  }
});

test(
  "results above 32 MiB, which bypass the caches, are those of their slices, on two threads",
  fused,
  () => {
    const threads = getNumThreads();
    const options: EnsembleActOptions = { ensemble: "stochastic", smooth: "mish", alpha: 0.4, ...key };
    try {
      setNumThreads(2);
      for (const [dtype, count] of [
        ["float32", 9_000_001],
        ["bfloat16", 17_000_003],
      ] as const) {
        scope(() => {
          const x = cast(randn([count]), { dtype });
          const weight = cast(randn([count]), { dtype });
          const whole = run(ensembleAct, x, options, weight);
          const step = 2 ** 20;
          for (let first = 0; first < count; first += step) {
            scope(() => {
              const part = (of: Tensor) => slice(of, { start: first, end: first + step });
              // The masks of a slice would start anew: both branches are computed, and one is drawn.
              const relued = run(relu, part(x), options, part(weight));
              const smooth = run(ensembleAct, part(x), { ...options, alpha: 0 }, part(weight));
              const mask = ensembleMask(part(x).numel, options, first);
              for (const name of ["y", "gradient"] as const) {
                const expected = where(mask, relued[name], smooth[name]);
                assert.ok(
                  call("aten::equal", part(whole[name]), expected),
                  `${name} in ${dtype} from ${first}`,
                );
              }
            });
          }
        });
      }
    } finally {
      setNumThreads(threads);
    }
  },
);

test("a second derivative is refused by name; the composite has one", fused, () => {
  const options = { ensemble: "weighted", smooth: "swish", alpha: 0.5 } as const;
  const second = (path: typeof ensembleAct) =>
    scope(() => {
      const x = tensor([1, 2], { requiresGrad: true });
      const [first] = grad([sum(path(x, options))], [x], { createGraph: true });
      return grad([sum(first as Tensor)], [x])[0]?.numel;
    });
  assert.throws(() => second(ensembleAct), /no second derivative.*PEA_KERNELS=off/s);
  assert.equal(second(ensembleActComposite), 2);
});

test("Act may be named by an alias, in letters of either size", () => {
  for (const path of Object.values(paths))
    scope(() => {
      const x = randn([100]);
      const named = (smooth: string, alpha: number) =>
        path(x, { ensemble: "weighted", smooth, alpha }).toTypedArray();
      assert.deepEqual(named("silu", 0), named("swish", 0));
      assert.deepEqual(named("SiLU", 0.5), named("swish", 0.5));
      assert.deepEqual(named("GELU", 0.5), named("gelu", 0.5));
    });
});

test("errors name the argument, the value given and what is allowed", () => {
  scope(() => {
    const x = randn([3]);
    const good = { ensemble: "weighted", smooth: "gelu", alpha: 0.5 } as const;
    const refuses = (options: object, message: RegExp, input = x) => {
      assert.throws(
        () => ensembleAct(input, { ...good, ...options }),
        (error) => error instanceof TorchError && message.test(error.message),
      );
    };
    refuses(
      { smooth: "relu" },
      /smooth must be one of gelu, swish, mish, elu, hardswish, gelu-tanh, b-silu, not relu/,
    );
    refuses({ ensemble: "mean" }, /ensemble must be one of weighted, stochastic, surrogate, not mean/);
    for (const alpha of [-0.1, 1.1, Number.NaN])
      refuses({ alpha }, /alpha must be a number from 0 to 1, not/);
    for (const beta of [0, -1, Number.NaN, 1e300, 1e-300])
      refuses({ beta }, /beta must be a number above 0 that float32 can hold, not/);
    refuses({ step: 0.5 }, /step must be an integer, not 0.5/);
    refuses({}, /dtype of x must be one of .*, not int64/, tensor([1n], { dtype: "int64" } as object));
  });
});

test("the operator itself refuses the same", fused, () => {
  scope(() => {
    const x = randn([3]);
    assert.throws(() => call("pea::ensemble_act", x, "relu", "weighted", 0.5), /smooth must be .*gelu/);
    assert.throws(() => call("pea::ensemble_act", x, "gelu", "mean", 0.5), /mode must be weighted/);
    assert.throws(
      () => call("pea::ensemble_act", x, "gelu", "weighted", 1.5),
      /alpha must be in \[0, 1\], not 1.5/,
    );
    assert.throws(
      () => call("pea::ensemble_act", x, "gelu", "weighted", 0.5, 0, 0, 0, -1),
      /beta must be a number above 0 that float32 can hold, not -1/,
    );
    assert.throws(
      () => call("pea::ensemble_act", cast(x, { dtype: "int64" }), "gelu", "weighted", 0.5),
      /must be float32, bfloat16 or float64, not Long/,
    );
    assert.throws(
      () => call("pea::ensemble_act_backward", randn([4]), x, "gelu", "weighted", 0.5),
      /grad has the shape \[4\], x has \[3\]/,
    );
  });
});

test("an element's value does not depend on where it lies, the last ones of a tensor included", fused, () => {
  const count = 67;
  for (const dtype of ["float32", "bfloat16", "float64"] as const)
    for (const smooth of smooths)
      for (let round = 0; round < 20; round++)
        scope(() => {
          const x = cast(randn([count]), { dtype });
          const weight = cast(randn([count]), { dtype });
          const first = (of: Tensor, length: number) => slice(of, { start: 0, end: length });
          for (const ensemble of [...ensembles, "surrogate"] as const) {
            const options: EnsembleActOptions = { ensemble, smooth, alpha: 0.4, beta: 1.5, ...key };
            const whole = run(ensembleAct, x, options, weight);
            for (let length = 1; length < count; length += 3) {
              const part = run(ensembleAct, first(x, length), options, first(weight, length));
              for (const name of ["y", "gradient"] as const)
                assert.ok(
                  call("aten::equal", part[name], first(whole[name], length)),
                  `${name} of ${smooth}, ${ensemble}, ${dtype}, ${length} of ${count} elements`,
                );
            }
          }
        });
});
