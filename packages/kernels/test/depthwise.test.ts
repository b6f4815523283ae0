/** pea::depthwise against libtorch's convolution, in float64 where that is the measure, and the layer that runs on it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { depthwise, ownConvolution, useKernels } from "@pea/kernels";
import {
  add,
  autocast,
  backward,
  Conv2d,
  type Conv2dOptions,
  call,
  cast,
  contiguous,
  conv2d,
  getNumThreads,
  grad,
  manualSeed,
  mul,
  mulInPlace,
  noGrad,
  type Pair,
  randn,
  recordCalls,
  type Sides,
  scope,
  setConvKernel,
  setNumThreads,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "@pea/torch";
import fc from "fast-check";
import {
  assertAsExact,
  assertAsExactInBFloat16,
  bfloat16Operands,
  type Convolve,
  resultAndGradients,
} from "./convolution-errors.ts";
import { channelsLast, layoutNames, randomly, type Shape } from "./layouts.ts";
import { countingRuns } from "./own-runs.ts";

const skip = !useKernels() && "the kernels are not built";

/** Of a window: its size, its steps, and what it pads by before each axis, half of the window where nothing is said. */
interface Window {
  size: number;
  stride: number;
  before?: readonly [top: number, left: number];
}

const ownBy =
  ({ stride, before }: Window): Convolve =>
  (x, weight, bias) =>
    call("pea::depthwise", x, weight, bias, stride, before ?? []);
const theirsBy =
  ({ size, stride, before }: Window): Convolve =>
  (x, weight, bias) => {
    if (before === undefined)
      return conv2d(x, weight, { bias, stride, padding: half(size), groups: weight.shape[0] });
    const [, channels, height = 0, width = 0] = x.shape;
    const [top, left] = before;
    const behind = (length: number, zeros: number) =>
      Math.max(0, (Math.ceil(length / stride) - 1) * stride + size - zeros - length);
    const padding = [left, behind(width, left), top, behind(height, top)] as const;
    return conv2d(x, weight, { bias, stride, padding, groups: channels });
  };

const half = (size: number) => (size - 1) / 2;

const windows: readonly Window[] = [3, 5].flatMap((size): Window[] => [
  { size, stride: 1 },
  { size, stride: 2 },
  // As TensorFlow's SAME, where both sizes are even, or one of them.
  { size, stride: 2, before: [half(size) - 1, half(size) - 1] },
  { size, stride: 2, before: [half(size), half(size) - 1] },
]);
const nameOf = ({ size, stride, before }: Window) =>
  `${size}×${size} by ${stride}${before ? `, padded by [${before}]` : ""}`;
const usual: Window = { size: 3, stride: 1 };
const stepping: Window = { size: 3, stride: 2 };

const outputShape = ([images, channels, height = 1, width = 1]: Shape, { stride }: Window): Shape => [
  images,
  channels,
  Math.ceil(height / stride),
  Math.ceil(width / stride),
];

const shapes = fc
  .record({
    images: fc.integer({ min: 1, max: 4 }),
    blocks: fc.integer({ min: 1, max: 9 }),
    height: fc.integer({ min: 1, max: 24 }),
    width: fc.integer({ min: 1, max: 24 }),
  })
  .map(({ images, blocks, height, width }): Shape => [images, 8 * blocks, height, width]);
const layout = fc.constantFrom(...layoutNames.filter((name) => name !== "a repeated value"));

test("random shapes, windows, layouts, offsets and spreads: at most twice libtorch's rounding errors", {
  skip,
}, () => {
  manualSeed(1);
  fc.assert(
    fc.property(
      shapes,
      fc.constantFrom(...windows),
      fc.tuple(layout, layout, layout),
      fc.constantFrom(0, 1, 1000),
      fc.constantFrom(1, 1e-3, 1e-30),
      fc.boolean(),
      (shape, window, [ofX, ofWeight, ofGradient], offset, spread, isNarrow) => {
        scope(() => {
          const operands = {
            x: add(mul(randomly(ofX, shape), spread), offset * spread),
            weight: randomly(ofWeight, [shape[1], 1, window.size, window.size]),
            bias: mul(randn([shape[1]]), spread),
          };
          const direction = randomly(ofGradient, outputShape(shape, window));
          const name = `${shape}, ${nameOf(window)}, ${spread} around ${offset}`;
          const compare = isNarrow ? assertAsExactInBFloat16 : assertAsExact;
          compare(ownBy(window), theirsBy(window), { operands, direction, factor: 2, name });
          assert.ok(ownBy(window)(operands.x, operands.weight).isContiguous("channels_last"), name);
        });
      },
    ),
    { numRuns: 320, seed: 2 },
  );
});

test("what is not finite appears where libtorch's has it, in results and gradients", { skip }, () => {
  const kinds = (result: Tensor) =>
    Array.from(result.toTypedArray() as Float32Array, (value) => (Number.isFinite(value) ? "finite" : value));
  const { POSITIVE_INFINITY, NEGATIVE_INFINITY } = Number;
  for (const window of windows) {
    for (const value of [POSITIVE_INFINITY, NEGATIVE_INFINITY, Number.NaN]) {
      // libtorch's multiplies zeros that are put around an image before; here they are left out.
      const operands =
        window.before === undefined ? (["x", "weight", "direction"] as const) : (["x"] as const);
      for (const operand of operands) {
        scope(() => {
          const shapes = {
            x: [1, 8, 7, 6],
            weight: [8, 1, window.size, window.size],
            direction: outputShape([1, 8, 7, 6], window),
          };
          const made = Object.fromEntries(
            Object.entries(shapes).map(([name, shape]) => {
              const values = randn(shape).toTypedArray() as Float32Array;
              if (name === operand) values[name === "x" ? 0 : 3] = value;
              // In other formats libtorch's 5×5 ones multiply the zeros around images.
              return [name, channelsLast(tensor(values, { shape }))];
            }),
          ) as Record<"x" | "weight" | "direction", Tensor>;
          const run = (convolve: Convolve) =>
            resultAndGradients(convolve, made, made.direction).map((result) => kinds(result));
          assert.deepEqual(
            run(ownBy(window)),
            run(theirsBy(window)),
            `${value} in ${operand}, ${nameOf(window)}`,
          );
        });
      }
    }
  }
});

test("the results do not depend on the number of threads", { skip }, () => {
  const threadsBefore = getNumThreads();
  try {
    for (const window of windows) {
      const shape: Shape = [3, 24, 61, 53];
      const weight = randn([24, 1, window.size, window.size]);
      const operands = { x: channelsLast(randn(shape)), weight, bias: randn([24]) };
      const direction = channelsLast(randn(outputShape(shape, window)));
      for (const dtype of ["float32", "bfloat16"] as const) {
        const given = { ...operands, x: cast(operands.x, { dtype }) };
        const [one, other] = [1, 3].map((threads) => {
          setNumThreads(threads);
          return scope(() =>
            resultAndGradients(ownBy(window), given, cast(direction, { dtype })).map((result) =>
              cast(result, { dtype: "float32" }).toTypedArray(),
            ),
          );
        });
        assert.deepEqual(other, one, `${nameOf(window)}, ${dtype}`);
      }
    }
  } finally {
    setNumThreads(threadsBefore);
  }
});

test("only what is asked for has a gradient", { skip }, () => {
  scope(() => {
    const operands = [randn([1, 8, 5, 4]), randn([8, 1, 3, 3]), randn([8])] as const;
    const [x, weight, bias] = operands;
    const direction = randn([1, 8, 3, 2]);
    const [, ...expected] = resultAndGradients(ownBy(stepping), { x, weight, bias }, direction);
    assert.ok(!ownBy(stepping)(...operands).requiresGrad);
    for (let required = 1; required < 8; required++) {
      for (const [i, operand] of operands.entries()) operand.requiresGrad = (required & (1 << i)) !== 0;
      assert.ok(!noGrad(() => ownBy(stepping)(...operands)).requiresGrad);
      const places = [0, 1, 2].filter((i) => required & (1 << i));
      const gradients = grad(
        [ownBy(stepping)(...operands)],
        places.map((i) => operands[i] as Tensor),
        { gradients: [direction] },
      );
      for (const [at, place] of places.entries())
        assert.deepEqual(gradients[at]?.toTypedArray(), expected[place]?.toTypedArray());
    }
  });
});

test("operands that are changed before backward are noticed; a second derivative is refused", {
  skip,
}, () => {
  for (const changed of [0, 1]) {
    const operands = [randn([1, 8, 4, 4]), randn([8, 1, 3, 3])] as const;
    for (const operand of operands) operand.requiresGrad = true;
    const y = sum(ownBy(usual)(...operands));
    noGrad(() => mulInPlace(operands[changed] as Tensor, 2));
    assert.throws(() => backward(y), /modified by an inplace operation/);
  }
  const x = randn([1, 8, 4, 4]);
  x.requiresGrad = true;
  const y = ownBy(usual)(x, randn([8, 1, 3, 3]));
  const [gradient] = grad([sum(mul(y, y))], [x], { createGraph: true });
  assert.throws(() => backward(sum(gradient as Tensor)), /no second derivative.*PEA_KERNELS=off/);
});

test("operands that do not fit are named", { skip }, () => {
  const x = randn([1, 8, 4, 4]);
  const weight = randn([8, 1, 3, 3]);
  assert.throws(() => ownBy(usual)(randn([1, 12, 4, 4]), randn([12, 1, 3, 3])), /a multiple of 8, not 12/);
  assert.throws(() => ownBy(usual)(x, randn([8, 8, 3, 3])), /not \[1, 8, 4, 4\] and \[8, 8, 3, 3\]/);
  assert.throws(() => ownBy(usual)(randn([8, 4, 4]), weight), /not \[8, 4, 4\] and/);
  assert.throws(() => ownBy({ size: 3, stride: 3 })(x, weight), /stride must be 1 or 2, not 3/);
  assert.throws(
    () => ownBy({ ...usual, before: [0, 1] })(x, weight),
    /padding before must be 1, not \[0, 1\]/,
  );
  assert.throws(
    () => ownBy({ size: 5, stride: 2, before: [2, 0] })(x, randn([8, 1, 5, 5])),
    /padding before must be 2 or one less, not \[2, 0\]/,
  );
  assert.throws(() => ownBy(usual)(x, randn([8, 1, 4, 4])), /not \[1, 8, 4, 4\] and \[8, 1, 4, 4\]/);
  assert.throws(() => ownBy(usual)(x, weight, randn([4])), /bias must be \[8\], not \[4\]/);
  assert.throws(
    () => ownBy(usual)(cast(x, { dtype: "float64" }), weight),
    /weight must be Double for x of Double, not Float/,
  );
  assert.throws(
    () => ownBy(usual)(cast(x, { dtype: "bfloat16" }), cast(weight, { dtype: "bfloat16" })),
    /weight must be Float for x of BFloat16/,
  );
  assert.throws(
    () => ownBy(usual)(zeros([2, 8, 0, 4]), weight),
    /images must have pixels, not \[2, 8, 0, 4\]/,
  );
});

test("a batch of no images", { skip }, () => {
  const operands = { x: zeros([0, 8, 5, 4]), weight: randn([8, 1, 3, 3]), bias: randn([8]) };
  const [y, dx, dw, db] = resultAndGradients(ownBy(stepping), operands, zeros([0, 8, 3, 2])) as Tensor[];
  assert.deepEqual(
    [y?.shape, dx?.shape, dw?.shape],
    [
      [0, 8, 3, 2],
      [0, 8, 5, 4],
      [8, 1, 3, 3],
    ],
  );
  for (const gradient of [dw, db]) assert.ok(gradient?.toTypedArray().every((value) => value === 0));
});

describe("Conv2d", { skip }, () => {
  const isOwn = countingRuns(setConvKernel, depthwise, ownConvolution);

  const layer = (channels: number, kernelSize: Pair, options: Conv2dOptions = {}) =>
    new Conv2d(channels, channels, kernelSize, { padding: 1, groups: channels, ...options, bias: false });

  test("runs on it for depthwise windows of 3×3 and 5×5 in channels_last, else on libtorch's", () => {
    const x = channelsLast(randn([1, 24, 6, 7]));
    assert.ok(isOwn(layer(24, 3), x));
    assert.ok(isOwn(layer(24, [3, 3], { stride: [2, 2], padding: [1, 1] }), x));
    assert.ok(isOwn(layer(24, 5, { padding: 2 }), x), "5×5");
    assert.ok(isOwn(layer(24, 5, { padding: [2, 2], stride: 2 }), x), "5×5 of stride 2");
    assert.ok(!isOwn(layer(24, 5), x), "5×5 that is padded by less");
    assert.ok(!isOwn(layer(24, 7, { padding: 3 }), x), "7×7");
    assert.ok(!isOwn(layer(24, 3), contiguous(x)));
    assert.ok(!isOwn(layer(24, 3, { groups: 12 }), x));
    assert.ok(!isOwn(layer(24, 3, { stride: [1, 2] }), x));
    assert.ok(!isOwn(layer(24, 3, { stride: 3 }), x));
    assert.ok(!isOwn(layer(24, 3, { padding: 0 }), x));
    assert.ok(!isOwn(layer(24, 3, { dilation: 2 }), x));
    assert.ok(!isOwn(layer(24, [3, 1]), x));
    assert.ok(!isOwn(layer(12, 3), channelsLast(randn([1, 12, 6, 7]))), "no multiple of 8");
    const wider = new Conv2d(24, 48, 3, { padding: 1, groups: 24, bias: false });
    assert.ok(!isOwn(wider, x), "two outputs a channel");
  });

  test("runs on it for zeros on some sides alone, where a stride of 2 gives half of each size", () => {
    const of = (size: number, sides: Sides) => layer(24, size, { stride: 2, padding: sides });
    const even = channelsLast(randn([1, 24, 6, 8]));
    const odd = channelsLast(randn([1, 24, 6, 7]));
    for (const [size, sides, x] of [
      [3, [0, 1, 0, 1], even],
      [3, [1, 1, 0, 1], odd],
      [3, [1, 0, 1, 0], even],
      [5, [1, 2, 1, 2], even],
      [5, [2, 2, 1, 2], odd],
    ] as const) {
      const convolution = of(size, sides);
      assert.ok(isOwn(convolution, x), `[${sides}] around ${x.shape}`);
      const { weight, options } = convolution;
      const [actual, expected] = [convolution.forward(x), conv2d(x, weight, { ...options, bias: null })].map(
        (result) => result.toTypedArray() as Float32Array,
      );
      for (const [i, value] of expected?.entries() ?? [])
        assert.ok(
          Math.abs((actual?.[i] as number) - value) < 1e-5,
          `${actual?.[i]} and not ${value} at ${i}`,
        );
    }
    assert.ok(!isOwn(of(3, [0, 1, 0, 1]), odd), "columns short of half");
    assert.ok(!isOwn(of(3, [0, 3, 0, 1]), even), "columns for one more output");
    assert.ok(!isOwn(of(5, [0, 3, 1, 2]), even), "5×5 with none before");
    assert.ok(!isOwn(layer(24, 3, { padding: [0, 2, 1, 1] }), even), "a stride of 1");
  });

  test("who records the operators sees libtorch's", () => {
    const convolution = layer(24, 3);
    const x = channelsLast(randn([1, 24, 6, 7]));
    const names: string[] = [];
    recordCalls(
      ({ name }) => names.push(name),
      () => assert.ok(!isOwn(convolution, x)),
    );
    assert.deepEqual(names, ["aten::conv2d"]);
  });

  test("runs on it under autocast, too", () => {
    const x = channelsLast(randn([1, 24, 6, 7]));
    for (const images of [x, cast(x, { dtype: "bfloat16" })])
      autocast("bfloat16", () => assert.ok(isOwn(layer(24, 3), images)));
    const double = autocast("bfloat16", () =>
      ownBy(usual)(cast(x, { dtype: "float64" }), randn([24, 1, 3, 3], { dtype: "float64" })),
    );
    assert.equal(double.dtype, "float64");
  });

  test("autocast computes in bfloat16 with weights and sums in float32", () => {
    for (const window of windows) {
      scope(() => {
        const x = channelsLast(randn([2, 24, 6, 7]));
        const weight = randn([24, 1, window.size, window.size]);
        const y = autocast("bfloat16", () => ownBy(window)(x, weight));
        assert.equal(y.dtype, "bfloat16");
        const rounded = cast(bfloat16Operands({ x, weight }).x, { dtype: "float32" });
        const expected = theirsBy(window)(rounded, weight).toTypedArray() as Float32Array;
        const actual = cast(y, { dtype: "float32" }).toTypedArray() as Float32Array;
        for (const [i, value] of expected.entries()) {
          const off = Math.abs((actual[i] as number) - value);
          assert.ok(off <= Math.abs(value) / 256 + 1e-6, `${nameOf(window)}: ${actual[i]}, not ${value}`);
        }
      });
    }
  });
});
