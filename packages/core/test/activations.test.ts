import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type ActivationName,
  activationNamed,
  activations,
  type SmoothName,
  smoothActivations,
} from "@pea/core";
import fc from "fast-check";
import { assertAbsolute, assertRelative } from "./assert-close.ts";
import { normalMean } from "./normal-mean.ts";

const { relu, gelu, swish, mish, elu, hardswish, "gelu-tanh": geluTanh } = activations;

test("every activation goes by its name", () => {
  assert.deepEqual(Object.keys(activations), [
    "relu",
    "gelu",
    "swish",
    "mish",
    "elu",
    "hardswish",
    "gelu-tanh",
  ]);
  for (const [name, activation] of Object.entries(activations)) assert.equal(activation.name, name);
});

test("each has a title, and the smooth ones a letter: those of the paper's variant codes, H and T", () => {
  const titles = Object.values(activations).map(({ title }) => title);
  assert.deepEqual(titles, ["ReLU", "GELU", "Swish", "Mish", "ELU", "Hardswish", "GELU (tanh)"]);
  const letters = smoothActivations().map(({ name, letter }) => [name, letter]);
  assert.deepEqual(letters, [
    ["gelu", "G"],
    ["swish", "S"],
    ["mish", "M"],
    ["elu", "E"],
    ["hardswish", "H"],
    ["gelu-tanh", "T"],
  ]);
});

test("an activation is found by its name in letters of either size, and Swish as SiLU too", () => {
  assert.equal(activationNamed("relu"), relu);
  for (const name of ["silu", "SiLU", "Swish"]) assert.equal(activationNamed(name), swish);
  for (const name of ["softsign", "constructor", ""]) assert.equal(activationNamed(name), null);
});

test("values and derivatives (spec recipes 5.2, ten digits)", () => {
  // x, then f and f′ of GELU, Swish, Mish and ELU.
  const rows = [
    [
      -10, -7.619853024e-23, -7.618400096e-22, -4.53978687e-4, -4.085602087e-4, -4.539889919e-4,
      -4.085797869e-4, -0.9999546001, 4.539992976e-5,
    ],
    [
      -5, -1.433257859e-6, -7.146946002e-6, -0.03346425462, -0.02654743243, -0.03357623773, -0.02674749802,
      -0.993262053, 0.006737946999,
    ],
    [
      -3, -0.004049694095, -0.0119456472, -0.1422776195, -0.08810410602, -0.1456474613, -0.09339311453,
      -0.9502129316, 0.04978706837,
    ],
    [
      -2, -0.0455002639, -0.08523180108, -0.238405844, -0.09078424878, -0.2525014827, -0.1083550924,
      -0.8646647168, 0.1353352832,
    ],
    [
      -1, -0.1586552539, -0.08331547059, -0.2689414214, 0.07232948813, -0.3034014614, 0.05921675588,
      -0.6321205588, 0.3678794412,
    ],
    [
      -0.5, -0.1542687694, 0.1325048753, -0.1887703344, 0.2600388127, -0.2207437747, 0.2895106779,
      -0.3934693403, 0.6065306597,
    ],
    [
      -0.1, -0.04601721627, 0.420476908, -0.04750208125, 0.4500832085, -0.05678857521, 0.5357028179,
      -0.09516258196, 0.904837418,
    ],
    [0.1, 0.05398278373, 0.579523092, 0.05249791875, 0.5499167915, 0.06317941749, 0.6633368208, 0.1, 1],
    [0.5, 0.3457312306, 0.8674951247, 0.3112296656, 0.7399611873, 0.3752452113, 0.8864243754, 0.5, 1],
    [1, 0.8413447461, 1.083315471, 0.7310585786, 0.9276705119, 0.8650983883, 1.04903622, 1, 1],
    [2, 1.954499736, 1.085231801, 1.761594156, 1.090784249, 1.94395896, 1.069317934, 2, 1],
    [3, 2.995950306, 1.011945647, 2.85772238, 1.088104106, 2.986535005, 1.021106911, 3, 1],
    [5, 4.999998567, 1.000007147, 4.966535745, 1.026547432, 4.999552078, 1.000800225, 5, 1],
    [10, 10, 1, 9.999546021, 1.00040856, 9.999999959, 1.000000078, 10, 1],
  ];
  for (const [x, ...expected] of rows) {
    const actual = [gelu, swish, mish, elu].flatMap(({ f, df }) => [f(x), df(x)]);
    for (const [column, value] of actual.entries()) assertRelative(value, expected[column], 1e-9);
  }
});

test("values and derivatives to near machine precision, far tails included", () => {
  // x, then f and f′ of GELU, Swish and Mish, computed with 60 digits and rounded to float64.
  const rows = [
    [
      -37, -2.1184613523340935e-298, -7.838298669418516e-297, -3.1572276215253042e-15, -3.071897145267863e-15,
      -3.1572276215253042e-15, -3.0718971452678634e-15,
    ],
    [
      -20, -5.507248237212468e-88, -1.1014360483133464e-86, -4.122307236380407e-8, -3.9161918660646786e-8,
      -4.122307240628761e-8, -3.916191874348969e-8,
    ],
    [
      -13, -7.952313719414843e-38, -1.0337304440113355e-36, -2.938421587274647e-5, -2.712382515698578e-5,
      -2.9384249081675023e-5, -2.71238890201598e-5,
    ],
    [
      -8.5, -8.05760459887282e-17, -6.846504938697085e-16, -0.0017291293134692554, -0.0015253505838631431,
      -0.0017293051892410683, -0.0015256815725764646,
    ],
    [
      -5.5, -1.0444259356238245e-7, -5.733472398739924e-7, -0.0223857574374287, -0.01822450660588759,
      -0.02243131361636677, -0.01830696442607401,
    ],
    [
      -2, -0.04550026389635842, -0.0852318010781969, -0.23840584404423512, -0.09078424878489548,
      -0.2525014826957089, -0.10835509242039394,
    ],
    [
      -0.75, -0.16997051428265114, 0.0007742782607648957, -0.24061597561845527, 0.1574000555032465,
      -0.2764947145054652, 0.1607457404998387,
    ],
    [
      -1e-8, -4.999999960105772e-9, 0.4999999920211544, -4.9999999750000005e-9, 0.499999995, -5.999999968e-9,
      0.5999999936,
    ],
    [
      1e-8, 5.000000039894228e-9, 0.5000000079788456, 5.000000025e-9, 0.500000005, 6.000000032e-9,
      0.6000000064,
    ],
    [
      0.6, 0.4354481293499558, 0.9256816439850062, 0.3873937837354773, 0.7829268504997898, 0.466136485694329,
      0.9304707876297239,
    ],
    [
      2.5, 2.4844758366855597, 1.037611085908145, 2.310354549946891, 1.0994011113415267, 2.471392304557881,
      1.0411295301313532,
    ],
    [
      7.25, 7.249999999998489, 1.000000000010946, 7.244854889606521, 1.0044317886618324, 7.249992697338585,
      1.0000135876868705,
    ],
  ];
  for (const [x, ...expected] of rows) {
    const actual = [gelu, swish, mish].flatMap(({ f, df }) => [f(x), df(x)]);
    for (const [column, value] of actual.entries()) {
      // A derivative near its zero is exact to the last place of the terms it cancels from, about 0.3.
      if (Math.abs(expected[column]) < 0.001 && x === -0.75) assertAbsolute(value, expected[column], 1e-16);
      else assertRelative(value, expected[column], 2e-15);
    }
  }
});

test("GELU by tanh: values and derivatives computed with 60 digits", () => {
  const rows: [x: number, f: number, df: number][] = [
    [-20, -3.3754509563109673e-261, -2.9424328724945027e-259],
    [-8.5, -1.0174447308598297e-24, -1.7239866867738058e-23],
    [-5, -2.291796196629506e-7, -1.5463619875325946e-6],
    [-2, -0.04540230591222498, -0.08609925662361838],
    [-0.5, -0.15428599017485609, 0.1326300964653577],
    [-1e-8, -4.999999960105772e-9, 0.4999999920211544],
    [0.6, 0.43541519923081473, 0.925491533332483],
    [1, 0.8411919906082767, 1.0829640838457826],
    [3, 2.996362607918227, 1.0115841666309697],
    [7.25, 7.25, 1.0000000000000013],
  ];
  for (const [x, f, df] of rows) {
    // The rounding of 2u, which is the exponent.
    const tolerance = x < -4 ? 1e-13 : 2e-15;
    assertRelative(geluTanh.f(x), f, tolerance);
    assertRelative(geluTanh.df(x), df, tolerance);
  }
});

test("Hardswish: values and derivatives by head", () => {
  // x, then f and f′.
  const rows = [
    [-4, 0, 0],
    [-3, 0, 0],
    [-2, -1 / 3, -1 / 6],
    [-1.5, -0.375, 0],
    [-1, -1 / 3, 1 / 6],
    [1, 2 / 3, 5 / 6],
    [2, 5 / 3, 7 / 6],
    [3, 3, 1],
    [4, 4, 1],
  ];
  for (const [x, f, df] of rows) {
    assertAbsolute(hardswish.f(x), f, 1e-15);
    assertAbsolute(hardswish.df(x), df, 1e-15);
  }
});

// Mish's figures are recomputed with 30 digits: the specification's differ from the eleventh digit on.
describe("where each activation leaves ReLU (spec recipes 5.1)", () => {
  const minima: Record<string, [at: number, value: number]> = {
    gelu: [-0.751791524694, -0.16997120748],
    swish: [-1.278464542761, -0.278464542761],
    mish: [-1.192431214515, -0.308843413017],
    hardswish: [-1.5, -0.375],
    "gelu-tanh": [-0.752461422071, -0.1700407505713],
  };
  for (const [name, [at, value]] of Object.entries(minima)) {
    test(`${name}: minimum`, () => {
      const { f, df } = activations[name as SmoothName];
      assertAbsolute(f(at), value, 1e-12);
      assertAbsolute(df(at), 0, 1e-12);
      fc.assert(fc.property(fc.double({ noNaN: true }), (x) => f(x) >= value - 1e-12));
    });
  }

  const derivatives: Record<string, [lowAt: number, low: number, highAt: number, high: number]> = {
    gelu: [-Math.SQRT2, -0.128904145185, Math.SQRT2, 1.128904145185],
    swish: [-2.39935728052, -0.099839320129, 2.39935728052, 1.099839320129],
    mish: [-2.256376396361, -0.112526122389, 1.490571179485, 1.088498161252],
    elu: [Number.NEGATIVE_INFINITY, 0, 0, 1],
    // Bounds that are not reached: it jumps at −3 and 3.
    hardswish: [-3 + 1e-13, -0.5, 3 - 1e-13, 1.5],
    "gelu-tanh": [-1.418504008791, -0.1289930686588, 1.418504008791, 1.128993068659],
  };
  for (const [name, [lowAt, low, highAt, high]] of Object.entries(derivatives)) {
    test(`${name}: range of the derivative`, () => {
      const { df } = activations[name as SmoothName];
      assertAbsolute(df(lowAt), low, 1e-12);
      assertAbsolute(df(highAt), high, 1e-12);
      fc.assert(
        fc.property(fc.double({ noNaN: true }), (x) => df(x) >= low - 1e-12 && df(x) <= high + 1e-12),
      );
    });
  }

  test("largest distance from x above 0", () => {
    for (const [activation, at, distance] of [
      [gelu, 0.751791524694, 0.16997120748],
      [swish, 1.278464542761, 0.278464542761],
      [mish, 0.795768593555, 0.140302901266],
    ] as const) {
      assertAbsolute(at - activation.f(at), distance, 1e-12);
      fc.assert(
        fc.property(
          fc.double({ min: 0, max: 1e3, noNaN: true }),
          (x) => x - activation.f(x) <= distance + 1e-12,
        ),
      );
    }
  });

  test("GELU, Swish and Hardswish: f(x) − x = f(−x)", () => {
    fc.assert(
      fc.property(fc.double({ min: -40, max: 40, noNaN: true }), (x) => {
        for (const { f } of [gelu, swish, hardswish, geluTanh]) assertAbsolute(f(x) - x, f(-x), 1e-14);
      }),
    );
  });
});

test("moments over a normal input, by quadrature (spec recipes 5.3)", () => {
  // E[f], E[f²], E[f·ReLU], E[(f − ReLU)²] and, where the specification has it, E[f′²].
  const oracle: Record<ActivationName, number[]> = {
    relu: [1 / Math.sqrt(2 * Math.PI), 0.5, 0.5, 0, 0.5],
    gelu: [0.282094791774, 0.42522148257, 0.454577471546, 0.016066539478, 0.455850865649],
    swish: [0.206620964142, 0.355775519817, 0.406059915816, 0.043655688185, 0.379482351633],
    mish: [0.240403888375, 0.452342192376, 0.459488718612, 0.033364755153, 0.479083758374],
    elu: [0.160520572267, 0.644945417493, 0.5, 0.144945417493],
    hardswish: [0.166216700656, 0.331567375138, 0.382178426346, 0.0672105224466, 0.358531517179],
    "gelu-tanh": [0.282038588079, 0.425193711033, 0.454554309796, 0.0160850914409, 0.455817845963],
  };
  for (const { name, f, df } of Object.values(activations)) {
    const moments = [
      normalMean(f),
      normalMean((z) => f(z) ** 2),
      normalMean((z) => f(z) * relu.f(z)),
      normalMean((z) => (f(z) - relu.f(z)) ** 2),
      normalMean((z) => df(z) ** 2),
    ];
    for (const [index, expected] of oracle[name].entries()) assertAbsolute(moments[index], expected, 1e-7);
  }
});

/** The number with −0 as 0: the sign of zero is left open. */
const unsigned = (x: number) => x + 0;

describe("edges (spec recipes 5.5)", () => {
  test("NaN stays NaN", () => {
    for (const { f, df } of Object.values(activations)) {
      assert.equal(f(Number.NaN), Number.NaN);
      assert.equal(df(Number.NaN), Number.NaN);
    }
  });

  test("at +∞ all are ReLU, at −∞ all but ELU are", () => {
    for (const { name, f, df } of Object.values(activations)) {
      assert.equal(f(Infinity), Infinity);
      assert.equal(df(Infinity), 1);
      assert.equal(unsigned(f(-Infinity)), name === "elu" ? -1 : 0);
      assert.equal(unsigned(df(-Infinity)), 0);
    }
  });

  test("at 0", () => {
    const slopes: Record<ActivationName, number> = {
      ...{ relu: 0, gelu: 0.5, swish: 0.5, mish: 0.6, elu: 1 },
      ...{ hardswish: 0.5, "gelu-tanh": 0.5 },
    };
    for (const zero of [0, -0]) {
      for (const { name, f, df } of Object.values(activations)) {
        assert.equal(unsigned(f(zero)), 0);
        assertAbsolute(df(zero), slopes[name], 1e-15);
      }
    }
  });

  test("subnormal numbers are not lost", () => {
    for (const x of [1e-310, -1e-310]) {
      for (const [activation, slope] of [
        [gelu, 0.5],
        [swish, 0.5],
        [mish, 0.6],
        [elu, 1],
        [hardswish, 0.5],
        [geluTanh, 0.5],
      ] as const) {
        assertAbsolute(activation.f(x), slope * x, 1e-323);
      }
    }
  });

  test("from far above 0, f is x; from far below it, 0 (ELU −1)", () => {
    for (const x of [50, 1e3, 1e10, 1e308, Number.MAX_VALUE]) {
      for (const { name, f, df } of Object.values(activations)) {
        assertRelative(f(x), x, 1e-15);
        assertRelative(df(x), 1, 1e-15);
        if (x === 50) continue;
        assert.equal(unsigned(f(-x)), name === "elu" ? -1 : 0);
        assert.equal(unsigned(df(-x)), 0);
      }
    }
  });

  test("no number but NaN gives NaN, and no finite one gives ∞", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
        for (const { name, f, df } of Object.values(activations)) {
          assert.ok(Number.isFinite(f(x)) && Number.isFinite(df(x)), `${name} at ${x}`);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

test("f′ is the derivative of f", () => {
  const h = 1e-6;
  fc.assert(
    fc.property(fc.double({ min: 1e-3, max: 12, noNaN: true }), fc.boolean(), (size, negative) => {
      const x = negative ? -size : size;
      // Where Hardswish's jumps.
      fc.pre(Math.abs(size - 3) > 2 * h);
      for (const { f, df } of Object.values(activations))
        assertAbsolute(df(x), (f(x + h) - f(x - h)) / (2 * h), 1e-8);
    }),
  );
});
