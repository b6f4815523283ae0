/** pea::max_pool2d against libtorch's, bit by bit, and the layer that runs on it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compactMaxPool2d, useKernels } from "@pea/kernels";
import {
  backward,
  call,
  cast,
  clone,
  contiguous,
  type DType,
  grad,
  MaxPool2d,
  type MaxPoolOptions,
  type MemoryFormat,
  manualSeed,
  maxPool2d,
  memoryStats,
  mul,
  noGrad,
  type Pair,
  randn,
  recordCalls,
  scope,
  setMaxPoolKernel,
  sum,
  type Tensor,
  tensor,
  transpose,
  zeros,
} from "@pea/torch";
import { countingRuns } from "./own-runs.ts";

const skip = !useKernels() && "the kernels are not built";

interface Case {
  shape: number[];
  kernelSize: Pair;
  options?: MaxPoolOptions;
}

const cases: Case[] = [
  { shape: [2, 5, 7, 9], kernelSize: 3, options: { stride: 2, padding: 1 } },
  { shape: [3, 16, 12, 10], kernelSize: 2 },
  { shape: [2, 3, 13, 13], kernelSize: 3, options: { stride: 2 } },
  {
    shape: [1, 64, 9, 8],
    kernelSize: [3, 2],
    options: { stride: [1, 3], padding: [1, 0], dilation: [2, 1] },
  },
  { shape: [2, 1, 40, 1100], kernelSize: [4, 5], options: { stride: 1, padding: [2, 2], dilation: [1, 3] } },
  { shape: [2, 700, 4, 5], kernelSize: 3, options: { stride: 2, padding: 1 } },
  { shape: [1, 2, 16, 17], kernelSize: 16, options: { stride: 1, padding: 8 } },
  { shape: [4, 3, 1, 1], kernelSize: 1 },
  { shape: [2, 6, 8, 8], kernelSize: 2, options: { stride: 3 } },
];

const orders: readonly MemoryFormat[] = ["contiguous", "channels_last"];
/** Bit for bit, but that one NaN is as good as another. */
function assertSame(actual: Tensor, expected: Tensor, name?: string): void {
  const [a, b] = [actual.toTypedArray(), expected.toTypedArray()];
  assert.equal(a.length, b.length, name);
  assert.ok(
    a.every((value, i) => Object.is(value, b[i])),
    `${name} differs`,
  );
}

/** Whole numbers near 0, so that many are equal, and among them −∞, NaN and −0. */
function awkward(shape: number[], dtype: DType): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const special = [Number.NEGATIVE_INFINITY, Number.NaN, -0, Number.POSITIVE_INFINITY];
  const values = Float64Array.from({ length: count }, (_, i) => {
    const draw = Math.floor(1e4 * Math.abs(Math.sin(i * 12.9898 + 1)));
    return draw % 29 < 4 ? (special[draw % 29] as number) : (draw % 5) - 2;
  });
  return cast(tensor(values, { shape }), { dtype });
}

const negativeInfinity = (shape: number[], dtype: DType) =>
  call("aten::full", shape, Number.NEGATIVE_INFINITY, dtype);

/** The result and the gradient for a given gradient of the result. */
function run(pool: (x: Tensor) => Tensor, values: Tensor, direction: Tensor) {
  const x = clone(values);
  x.requiresGrad = true;
  const y = pool(x);
  const [gradient] = grad([y], [x], { gradients: [direction] });
  return { y, gradient: gradient as Tensor };
}

for (const dtype of ["float32", "float64", "bfloat16"] as const) {
  test(`${dtype}: values and gradients are libtorch's, with ties, NaN, infinities and padding`, {
    skip,
  }, () => {
    manualSeed(5);
    for (const { shape, kernelSize, options } of cases) {
      for (const memoryFormat of orders) {
        for (const random of [
          awkward(shape, dtype),
          randn(shape, { dtype }),
          negativeInfinity(shape, dtype),
        ]) {
          scope(() => {
            const x = contiguous(random, { memoryFormat });
            const expectedY = maxPool2d(x, kernelSize, options);
            // Whole numbers: their sums are exact in every dtype, whatever their order.
            const direction = cast(cast(mul(randn(expectedY.shape), 3), { dtype: "int32" }), { dtype });
            const own = run((x) => compactMaxPool2d(x, kernelSize, options) as Tensor, x, direction);
            const theirs = run((x) => maxPool2d(x, kernelSize, options), x, direction);
            const name = `${shape} ${memoryFormat}`;
            assertSame(own.y, expectedY, name);
            assertSame(own.gradient, theirs.gradient, `gradient of ${name}`);
            for (const result of [own.y, own.gradient]) assert.ok(result.isContiguous(memoryFormat), name);
            const inference = noGrad(() => compactMaxPool2d(x, kernelSize, options) as Tensor);
            assertSame(inference, expectedY, `${name} without gradients`);
          });
        }
      }
    }
  });
}

test("gradients that overlap are summed in libtorch's order, in bfloat16 with one rounding", { skip }, () => {
  scope(() => {
    manualSeed(6);
    const x = contiguous(randn([2, 8, 15, 15]), { memoryFormat: "channels_last" });
    const pool = (x: Tensor) => compactMaxPool2d(x, 5, { stride: 1, padding: 2 }) as Tensor;
    const direction = randn([2, 8, 15, 15]);
    const own = run(pool, x, direction);
    const theirs = run((x) => maxPool2d(x, 5, { stride: 1, padding: 2 }), x, direction);
    assertSame(own.gradient, theirs.gradient);
    const half = (x: Tensor) => cast(x, { dtype: "bfloat16" });
    const narrow = run(pool, half(x), half(direction)).gradient;
    const wide = run(pool, cast(half(x), { dtype: "float32" }), cast(half(direction), { dtype: "float32" }));
    assertSame(narrow, half(wide.gradient));
  });
});

test("inputs and gradients of any strides", { skip }, () => {
  scope(() => {
    const x = transpose(randn([3, 6, 4, 8]), 1, 3);
    const direction = transpose(randn([3, 3, 2, 8]), 1, 3);
    const own = run((x) => compactMaxPool2d(x, 2) as Tensor, x, direction);
    const theirs = run((x) => maxPool2d(x, 2), x, direction);
    assertSame(own.y, theirs.y);
    assertSame(own.gradient, theirs.gradient);
  });
});

test("backward needs a byte for each output: the input is free after forward", { skip }, () => {
  const mebibyte = 1 << 20;
  scope(() => {
    const x = zeros([1, 16, 512, 512], { requiresGrad: true });
    const { inUse } = memoryStats();
    const y = scope(() => compactMaxPool2d(mul(x, 2), 2) as Tensor);
    // The product took 16 MiB, the result takes 4, its positions 1.
    const taken = memoryStats().inUse - inUse;
    assert.ok(taken >= 4 * mebibyte && taken < 5.1 * mebibyte, `${taken} bytes`);
    backward(sum(y));
    const { grad: gradient } = x;
    assert.equal(sum(gradient as Tensor).item(), 2 * 16 * 256 * 256);
  });
});

test("errors name what does not fit, and a second derivative is refused", { skip }, () => {
  const x = randn([1, 1, 4, 4]);
  const pool = (...window: number[][]) => call("pea::max_pool2d", x, ...window);
  assert.throws(() => pool([0]), /kernel_size must be at least 1, not \[0, 0\]/);
  assert.throws(() => pool([2], [1, 0]), /stride must be at least 1, not \[1, 0\]/);
  assert.throws(
    () => pool([3], [1], [2]),
    /padding must be at most half of kernel_size, got \[2, 2\] and \[3, 3\]/,
  );
  assert.throws(() => pool([3], [1], [0], [2]), /an input of height or width 4 is too small for the window/);
  assert.throws(() => pool([17], [1], [8]), /windows have at most 256 elements, not \[17, 17\]/);
  assert.throws(
    () => call("pea::max_pool2d", zeros([4, 4]), [2]),
    /x must be \[N, channels, H, W\], not \[4, 4\]/,
  );
  x.requiresGrad = true;
  const [gradient] = grad([sum(mul(pool([2]), pool([2])))], [x], { createGraph: true });
  assert.throws(() => backward(sum(gradient as Tensor)), /no second derivative.*PEA_KERNELS=off/);
});

describe("MaxPool2d", { skip }, () => {
  const isOwn = countingRuns(setMaxPoolKernel, compactMaxPool2d);

  test("runs on it; in ceil mode, and for large windows on libtorch's", () => {
    const x = randn([1, 2, 40, 40]);
    assert.ok(isOwn(new MaxPool2d(3, { stride: 2, padding: 1 }), x));
    assert.ok(isOwn(new MaxPool2d([16, 16]), x));
    assert.ok(!isOwn(new MaxPool2d(3, { ceilMode: true }), x));
    assert.ok(!isOwn(new MaxPool2d([16, 17]), x));
    assert.equal(compactMaxPool2d(cast(x, { dtype: "int64" }), 2), undefined);
    assert.equal(compactMaxPool2d(zeros([2, 4, 4]), 2), undefined);
  });

  test("recordCalls sees libtorch's operator", () => {
    const names: string[] = [];
    const x = randn([1, 1, 4, 4]);
    recordCalls(
      ({ name }) => names.push(name),
      () => assert.ok(!isOwn(new MaxPool2d(2), x)),
    );
    assert.deepEqual(names, ["aten::max_pool2d"]);
  });

  test("an empty batch", () => {
    scope(() => assert.deepEqual(new MaxPool2d(2).forward(zeros([0, 3, 4, 4])).shape, [0, 3, 2, 2]));
  });
});
