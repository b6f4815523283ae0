/** pea::batch_norm_act against libtorch's batch norm, an addition and the ensemble of plain operators. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  type EnsembleActOptions,
  ensembleActComposite,
  type KernelActivation,
  useKernels,
} from "@pea/kernels";
import {
  add,
  backward,
  batchNorm,
  call,
  cast,
  clone,
  contiguous,
  type DType,
  detach,
  getNumThreads,
  grad,
  manualSeed,
  mul,
  randn,
  relu,
  reshape,
  scope,
  setNumThreads,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "@pea/torch";
import { nativeBinaries } from "@pea/torch/binaries";
import fc from "fast-check";
import { type Layout, layoutNames, layouts, type Shape } from "./layouts.ts";

const skip = !useKernels() && "the kernels are not built";

type Activation = "identity" | "relu" | (EnsembleActOptions & { smooth: KernelActivation });

interface Case {
  shape: Shape;
  /** Of the input and, unless they have others, of the residual and the gradient. */
  layout?: Layout;
  residualLayout?: Layout;
  gradientLayout?: Layout;
  activation: Activation;
  residual?: boolean;
  training?: boolean;
  dtype: DType;
  eps?: number;
  seed?: number;
}

/** What both sides compute from: the leaves of the graph, and the running statistics that training changes. */
interface Inputs {
  x: Tensor;
  residual: Tensor | null;
  weight: Tensor;
  bias: Tensor;
  runningMean: Tensor;
  runningVar: Tensor;
}

const momentum = 0.3;

function fused(inputs: Inputs, activation: Activation, training: boolean, eps = 1e-3): Tensor {
  const { x, residual, weight, bias, runningMean, runningVar } = inputs;
  const settings =
    typeof activation === "string"
      ? [activation]
      : [
          activation.smooth,
          activation.ensemble,
          activation.alpha,
          ...maskKey(activation),
          activation.beta ?? 1,
          activation.bound,
          activation.masks ?? "element",
        ];
  return call(
    "pea::batch_norm_act",
    ...[x, residual, weight, bias, runningMean, runningVar, training, momentum, eps, ...settings],
  );
}

const maskKey = ({ seed = 0, site = 0, step = 0 }: EnsembleActOptions) => [seed, site, step];

function composed(inputs: Inputs, activation: Activation, training: boolean, eps = 1e-3): Tensor {
  const { x, residual, ...state } = inputs;
  const normalized = batchNorm(x, { ...state, training, momentum, eps });
  const sum = residual === null ? normalized : add(normalized, residual);
  if (activation === "identity") return sum;
  return activation === "relu" ? relu(sum) : ensembleActComposite(sum, activation);
}

function leaf(x: Tensor): Tensor {
  const result = detach(x);
  result.requiresGrad = true;
  return result;
}

interface Drawn {
  x: Tensor;
  residual: Tensor | null;
  /** The gradient with respect to the output. */
  direction: Tensor;
}

/** The case's tensors with their strides and its dtype's values, in `dtype`: the same numbers at every call. */
function draw({ shape, dtype: rounded, seed = 7, ...given }: Case, dtype: DType): Drawn {
  const { layout = "contiguous", residualLayout = layout, gradientLayout = layout } = given;
  manualSeed(seed);
  const random = (name: Layout, scale: number, offset: number) =>
    layouts[name](shape, (of) => {
      const values = add(mul(randn(of), scale), offset);
      return cast(cast(values, { dtype: rounded }), { dtype });
    });
  return {
    x: random(layout, 2, 0.5),
    residual: given.residual ? random(residualLayout, 1, 0) : null,
    direction: random(gradientLayout, 1, 0),
  };
}

/**
 * Copies in the one order in which libtorch's batch norm gives its result for x. libtorch 1.13 computes wrong gradients
 * for some mixtures of strides.
 */
function inOneOrder({ x, residual, direction }: Drawn): Drawn {
  const isChannelsLast = batchNorm(x, { training: true }).isContiguous("channels_last");
  const copy = (of: Tensor) => clone(of, { memoryFormat: isChannelsLast ? "channels_last" : "contiguous" });
  return { x: copy(x), residual: residual && copy(residual), direction: copy(direction) };
}

/** Outputs, gradients and running statistics, by name. */
function results(
  run: typeof fused,
  given: Case,
  drawn: Drawn,
  parameterDtype: DType,
): Record<string, Tensor> {
  const channels = given.shape[1];
  const perChannel = (from: number, to: number) =>
    tensor(
      Float64Array.from({ length: channels }, (_, c) => from + ((to - from) * c) / channels),
      { dtype: parameterDtype },
    );
  const inputs: Inputs = {
    x: leaf(drawn.x),
    residual: drawn.residual && leaf(drawn.residual),
    weight: leaf(perChannel(0.5, 2)),
    bias: leaf(perChannel(-0.5, 0.5)),
    runningMean: perChannel(0, 1),
    runningVar: perChannel(1, 4),
  };
  const y = run(inputs, given.activation, given.training ?? true, given.eps);
  const { x, residual, weight, bias, runningMean, runningVar } = inputs;
  const leaves = { x, weight, bias, ...(residual && { residual }) };
  const gradients = grad([y], Object.values(leaves), { gradients: [drawn.direction] });
  const named = Object.keys(leaves).map((name, i) => [`gradient of ${name}`, gradients[i] as Tensor]);
  return { y, runningMean, runningVar, ...Object.fromEntries(named) };
}

const numbers = (x: Tensor) => cast(x, { dtype: "float64" }).toTypedArray() as Float64Array;

/** Largest difference, relative to the largest element, or to `least` where that is more. */
function difference(actual: Tensor, expected: Tensor, least = Number.MIN_VALUE): number {
  const [a, b] = [numbers(actual), numbers(expected)];
  let largest = 0;
  let scale = least;
  for (let i = 0; i < b.length; i++) {
    largest = Math.max(largest, Math.abs((a[i] as number) - (b[i] as number)));
    scale = Math.max(scale, Math.abs(b[i] as number));
  }
  return largest / scale;
}

/** Strides of the dimensions along which there is a step. */
function steps({ shape, strides, numel }: Tensor): readonly number[] {
  return numel === 0 ? [] : strides.filter((_, dim) => (shape[dim] as number) > 1);
}

/** Compares with the composite in float64: float32 differs by its rounding, bfloat16 by that of x's gradient. */
const tolerance: Partial<Record<DType, number>> = { float64: 1e-12, float32: 5e-6, bfloat16: 8e-3 };

function compare(given: Case, least?: number): void {
  const { dtype } = given;
  scope(() => {
    const parameterDtype = dtype === "float64" ? "float64" : "float32";
    const actual = results(fused, given, draw(given, dtype), parameterDtype);
    const expected = results(composed, given, inOneOrder(draw(given, "float64")), "float64");
    assert.equal(actual.y?.dtype, dtype);
    assert.deepEqual(steps(actual.y as Tensor), steps(expected.y as Tensor), "memory order of y");
    for (const [name, value] of Object.entries(expected)) {
      assert.deepEqual(actual[name]?.shape, value.shape, name);
      const differs = difference(actual[name] as Tensor, value, least);
      assert.ok(differs <= (tolerance[dtype] as number), `${name} differs by ${differs}`);
    }
  });
}

const key = { seed: 3, site: 2, step: 11 };
const activations: Record<string, Activation> = {
  identity: "identity",
  ReLU: "relu",
  "weighted GELU": { ensemble: "weighted", smooth: "gelu", alpha: 0.3 },
  "stochastic Mish": { ensemble: "stochastic", smooth: "mish", alpha: 0.5, ...key },
  "stochastic ELU": { ensemble: "stochastic", smooth: "elu", alpha: 0.25, ...key },
  "GELU nearer to ReLU": { ensemble: "weighted", smooth: "gelu", alpha: 0, beta: 3 },
  "ReLU with B-SiLU's slope": { ensemble: "surrogate", smooth: "b-silu", alpha: 0 },
  "Swish alone": { ensemble: "stochastic", smooth: "swish", alpha: 0, ...key },
  "weighted GELU of a ReLU cut off": { ensemble: "weighted", smooth: "gelu", alpha: 0.3, bound: 0.75 },
  "stochastic Mish of a ReLU cut off": {
    ensemble: "stochastic",
    smooth: "mish",
    alpha: 0.5,
    bound: 0.75,
    ...key,
  },
  "ReLU cut off with Swish's slope": { ensemble: "surrogate", smooth: "swish", alpha: 0, bound: 0.75 },
  "ReLU cut off": { ensemble: "weighted", smooth: "mish", alpha: 1, bound: 0.75 },
  "stochastic Mish for channels": {
    ensemble: "stochastic",
    smooth: "mish",
    alpha: 0.5,
    masks: "channel",
    ...key,
  },
  "stochastic GELU for samples": {
    ensemble: "stochastic",
    smooth: "gelu",
    alpha: 0.5,
    masks: "sample",
    ...key,
  },
  "ensemble at alpha 1": { ensemble: "weighted", smooth: "mish", alpha: 1 },
};

const orders = ["contiguous", "channels last"] as const;

for (const [name, activation] of Object.entries(activations)) {
  for (const dtype of ["float64", "float32", "bfloat16"] as const) {
    test(`${name} in ${dtype}: values, gradients, running statistics`, { skip }, () => {
      for (const layout of orders) {
        for (const residual of [false, true]) {
          for (const training of [false, true]) {
            compare({ shape: [4, 13, 6, 7], layout, residual, training, activation, dtype });
          }
        }
      }
    });
  }
}

test("odd shapes: few and many channels, single pixels, planes longer than a row", { skip }, () => {
  const shapes: Shape[] = [
    [7, 1, 5, 5],
    [3, 8, 9, 7],
    [2, 16, 3, 3],
    [2, 600, 3, 3],
    [2, 1030, 2, 3],
    [300, 8, 1, 1],
    [40, 24, 31, 33],
    [2, 3, 70, 71],
  ];
  const activation = activations["stochastic Mish"] as Activation;
  for (const shape of shapes) {
    for (const layout of orders) {
      compare({ shape, layout, activation, residual: true, dtype: "float64" });
    }
  }
  compare({ shape: [9, 5], activation, dtype: "float64" });
  compare({ shape: [4, 5, 17], activation, dtype: "float64" });
});

test("any shape, layouts, dtype, options: the fused operator agrees with the composite", { skip }, () => {
  const size = (min: number, max: number) => fc.integer({ min, max });
  fc.assert(
    fc.property(
      fc.tuple(size(0, 4), size(1, 19), fc.array(size(0, 9), { maxLength: 2 })),
      fc.record({
        layout: fc.constantFrom(...layoutNames),
        residualLayout: fc.constantFrom(...layoutNames),
        gradientLayout: fc.constantFrom(...layoutNames),
        activation: fc.constantFrom(...Object.values(activations)),
        residual: fc.boolean(),
        training: fc.boolean(),
        dtype: fc.constantFrom("float32", "float64", "bfloat16"),
        seed: fc.nat(),
      }),
      ([n, channels, space], options) => {
        const shape: Shape = [n, channels, ...space];
        // With this eps a channel of two values is well conditioned, too.
        const given: Case = { ...options, shape, eps: 0.5 };
        const perChannel = space.reduce((product, side) => product * side, n);
        fc.pre(!(options.training && perChannel === 1));
        fc.pre(!bends(given));
        compare(given, 10);
      },
    ),
    { numRuns: 300 },
  );
});

/** Whether rounding may decide on which side of 0, or of its bound, where ReLU bends, an element lies. */
function bends(given: Case): boolean {
  return scope(() => {
    const drawn = inOneOrder(draw(given, "float64"));
    const { y } = results(composed, { ...given, activation: "identity" }, drawn, "float64");
    return numbers(y as Tensor).some((z) => [0, 0.75].some((bend) => Math.abs(z - bend) < 1e-5));
  });
}

test("the number of threads changes no bit", { skip }, () => {
  const threads = getNumThreads();
  const shape: Shape = [5, 24, 61, 67]; // several parts for threads in either order
  const activation = activations["stochastic Mish"] as Activation;
  const surrogate = activations["ReLU with B-SiLU's slope"] as Activation;
  const cases = [
    { activation: "relu" as const },
    { activation: surrogate },
    { activation },
    { activation, residual: true },
  ];
  const withThreads = (count: number, given: Case) => {
    setNumThreads(count);
    return results(fused, given, draw(given, given.dtype), "float32");
  };
  try {
    for (const layout of orders) {
      for (const dtype of ["float32", "bfloat16"] as const) {
        for (const options of cases) {
          scope(() => {
            const given: Case = { ...options, shape, layout, dtype };
            const [one, two] = [withThreads(1, given), withThreads(2, given)];
            for (const [name, value] of Object.entries(one))
              assert.ok(bytes(value).equals(bytes(two[name] as Tensor)), `${name} in ${layout}, ${dtype}`);
          });
        }
      }
    }
  } finally {
    setNumThreads(threads);
  }
});

function bytes(x: Tensor): Buffer {
  const { buffer, byteOffset, byteLength } = x.toTypedArray();
  return Buffer.from(buffer, byteOffset, byteLength);
}

test("mean and variance survive an offset of 1e4, in float32, better than libtorch's", { skip }, () => {
  for (const order of ["contiguous", "channels_last"] as const) {
    scope(() => {
      manualSeed(1);
      const x = contiguous(add(randn([8, 16, 32, 32]), 1e4), { memoryFormat: order });
      const state = (dtype: DType) => ({
        residual: null,
        weight: call("aten::ones", [16], dtype),
        bias: zeros([16], { dtype }),
        runningMean: zeros([16], { dtype }),
        runningVar: zeros([16], { dtype }),
      });
      const [single, reference, exact] = [state("float32"), state("float32"), state("float64")];
      const y = fused({ x, ...single }, "identity", true);
      const expected = composed({ x: cast(x, { dtype: "float64" }), ...exact }, "identity", true);
      const theirs = composed({ x, ...reference }, "identity", true);
      assert.ok(difference(y, expected) < 1e-6);
      assert.ok(difference(y, expected) < difference(theirs, expected));
      assert.ok(difference(single.runningVar, exact.runningVar) < 1e-6);
    });
  }
});

test("fused and unfused training draw the same masks", { skip }, () => {
  scope(() => {
    const activation: Activation = { ensemble: "stochastic", smooth: "elu", alpha: 0.5, ...key };
    // Normalized to about -1: ReLU gives exactly 0 there, ELU does not.
    const x = contiguous(mul(randn([4, 6, 5, 5]), 0.01), { memoryFormat: "channels_last" });
    const inputs: Inputs = {
      x,
      residual: null,
      weight: mul(call("aten::ones", [6]), 1e-3),
      bias: tensor([-1, -1, -1, -1, -1, -1]),
      runningMean: zeros([6]),
      runningVar: zeros([6]),
    };
    const zero = (y: Tensor) => numbers(y).map((value) => (value === 0 ? 1 : 0));
    assert.deepEqual(zero(fused(inputs, activation, true)), zero(composed(inputs, activation, true)));
  });
});

test("NaN spreads over its channel and no further, as in libtorch", { skip }, () => {
  scope(() => {
    const values = Float32Array.from({ length: 2 * 3 * 4 }, (_, i) => Math.sin(i));
    values[5] = Number.NaN;
    const x = contiguous(tensor(values, { shape: [2, 3, 2, 2] }), { memoryFormat: "channels_last" });
    const y = fused(
      {
        x,
        residual: null,
        weight: call("aten::ones", [3]),
        bias: zeros([3]),
        runningMean: zeros([3]),
        runningVar: zeros([3]),
      },
      "relu",
      true,
    );
    const channelsWithNaN = new Set(
      [...numbers(y)].flatMap((v, i) => (Number.isNaN(v) ? [((i / 4) | 0) % 3] : [])),
    );
    assert.deepEqual(channelsWithNaN, new Set([1]));
    assert.equal(numbers(y).filter(Number.isNaN).length, 8);
  });
});

describe("a gradient that others have, too, keeps its values:", { skip }, () => {
  const made = (activation: Activation, residual: Tensor | null = null) => {
    const x = leaf(randn([4, 16, 5, 6]));
    const vectors = { weight: leaf(add(zeros([16]), 1.5)), bias: leaf(zeros([16])) };
    const running = { runningMean: zeros([16]), runningVar: add(zeros([16]), 1) };
    return { x, y: fused({ x, residual, ...vectors, ...running }, activation, true) };
  };
  const ensemble = activations["weighted GELU"] as Activation;

  for (const activation of ["identity", "relu", ensemble] as const) {
    const name = typeof activation === "string" ? activation : "an ensemble";

    test(`${name}, of one that was given`, () => {
      scope(() => {
        const { x, y } = made(activation);
        const given = randn(y.shape);
        const before = numbers(given);
        grad([y], [x], { gradients: [given] });
        assert.deepEqual(numbers(given), before);
      });
    });

    test(`${name}, of one that is asked for`, () => {
      scope(() => {
        const { x, y } = made(activation);
        const [ofY] = grad([sum(mul(y, y))], [y, x]) as [Tensor, Tensor];
        assert.deepEqual(numbers(ofY), numbers(mul(y, 2)));
      });
    });

    test(`${name}, of one that a leaf keeps`, () => {
      scope(() => {
        const other = leaf(randn([4, 16, 5, 6]));
        const { y } = made(activation);
        const direction = randn(y.shape);
        backward(sum(mul(add(y, other), direction)));
        assert.deepEqual(numbers(other.grad as Tensor), numbers(direction));
      });
    });

    test(`${name}, of one that is seen in another shape, in two passes`, () => {
      scope(() => {
        const { x, y } = made(activation);
        const direction = leaf(randn([4, 480]));
        const loss = sum(mul(reshape(y, [4, 480]), direction));
        const passes = [true, false].map((retainGraph) => {
          const [ofX, ofDirection] = grad([loss], [x, direction], { retainGraph }) as [Tensor, Tensor];
          return [numbers(ofX), numbers(ofDirection)];
        });
        assert.deepEqual(passes[1], passes[0]);
        assert.deepEqual(passes[0]?.[1], numbers(reshape(y, [4, 480])));
      });
    });

    test(`${name}, of one that two batch norms and a residual share`, () => {
      scope(() => {
        const residual = leaf(randn([4, 16, 5, 6]));
        const [a, b, c] = [made(activation), made(activation), made(activation, residual)];
        const direction = randn(a.y.shape);
        const weighted = (y: Tensor) => sum(mul(y, direction));
        const alone = [a, b, c].flatMap(({ x, y }) => {
          const leaves = y === c.y ? [x, residual] : [x];
          return (grad([weighted(y)], leaves, { retainGraph: true }) as Tensor[]).map(numbers);
        });
        const whole = add(add(a.y, b.y), c.y);
        const together = grad([weighted(whole)], [a.x, b.x, c.x, residual]) as Tensor[];
        assert.deepEqual(together.map(numbers), alone);
      });
    });
  }
});

test("an empty batch gives an empty result and leaves the running statistics", { skip }, () => {
  scope(() => {
    const runningVar = tensor([2, 3]);
    const inputs = { weight: tensor([1, 1]), bias: zeros([2]), runningMean: zeros([2]), runningVar };
    const y = fused({ x: zeros([0, 2, 4, 4]), residual: null, ...inputs }, "relu", true);
    assert.deepEqual(y.shape, [0, 2, 4, 4]);
    assert.deepEqual([...numbers(runningVar)], [2, 3]);
  });
});

test("errors name what does not fit", { skip }, () => {
  const ofTwo = () => ({
    x: zeros([3, 2, 4, 4]),
    residual: null,
    weight: tensor([1, 1]),
    bias: zeros([2]),
    runningMean: zeros([2]),
    runningVar: zeros([2]),
  });
  const running = (change: Partial<Inputs>) => () => fused({ ...ofTwo(), ...change }, "relu", true);
  assert.throws(running({ x: zeros([1, 2, 1, 1]) }), /Expected more than 1 value per channel when training/);
  assert.throws(
    running({ weight: tensor([1]) }),
    /weight must have the shape \[2\], the channels of x, not \[1\]/,
  );
  assert.throws(running({ bias: zeros([2], { dtype: "float64" }) }), /bias must be Float for x of Float/);
  assert.throws(running({ residual: zeros([3, 2, 4, 5]) }), /residual has the shape \[3, 2, 4, 5\]/);
  assert.throws(
    running({ x: zeros([3, 2, 4, 4], { dtype: "int64" }) }),
    /x must be float32, bfloat16 or float64/,
  );
});

test("gradcheck, and a second derivative is refused", {
  skip: skip || (nativeBinaries().engine.directory !== undefined && "Debian's engine alone"),
}, () => {
  const library = nativeBinaries().file("kernels");
  const script = fileURLToPath(new URL("batch_norm_gradcheck.py", import.meta.url));
  const { status, stderr } = spawnSync("/usr/bin/python3", [script, library], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
});
