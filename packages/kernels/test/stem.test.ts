/** pea::stem against libtorch's convolution, in float64 where that is the measure, and the layer that runs on it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ownConvolution, stem, useKernels } from "@pea/kernels";
import {
  add,
  autocast,
  backward,
  Conv2d,
  type ConvLayerOptions,
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
    call("pea::stem", x, weight, bias, stride, before ?? []);
const theirsBy =
  ({ size, stride, before }: Window): Convolve =>
  (x, weight, bias) => {
    // In other formats its gradient of the images is summed in another way.
    const images = channelsLast(x);
    if (before === undefined) return conv2d(images, weight, { bias, stride, padding: (size - 1) / 2 });
    const [, , height = 0, width = 0] = x.shape;
    const [top, left] = before;
    const behind = (length: number, zeros: number) =>
      Math.max(0, (Math.ceil(length / stride) - 1) * stride + size - zeros - length);
    return conv2d(images, weight, {
      bias,
      stride,
      padding: [left, behind(width, left), top, behind(height, top)],
    });
  };

const windows: readonly Window[] = [
  ...[3, 5, 7].flatMap((size): Window[] => [
    { size, stride: 1 },
    { size, stride: 2 },
    // As TensorFlow's SAME, where both sizes are even, or one of them.
    { size, stride: 2, before: [(size - 3) / 2, (size - 3) / 2] },
    { size, stride: 2, before: [(size - 1) / 2, (size - 3) / 2] },
  ]),
  { size: 2, stride: 1, before: [0, 1] },
  { size: 4, stride: 2, before: [1, 1] },
  { size: 6, stride: 1, before: [5, 0] },
];
const nameOf = ({ size, stride, before }: Window) =>
  `${size}×${size} by ${stride}${before ? `, padded by [${before}]` : ""}`;
const usual: Window = { size: 3, stride: 2 };

const outputShape = (
  [images, , height = 1, width = 1]: Shape,
  outputs: number,
  { stride }: Window,
): Shape => [images, outputs, Math.ceil(height / stride), Math.ceil(width / stride)];

const shapes = fc
  .record({
    images: fc.integer({ min: 1, max: 4 }),
    channels: fc.integer({ min: 1, max: 4 }),
    height: fc.integer({ min: 1, max: 40 }),
    width: fc.integer({ min: 1, max: 40 }),
  })
  .map(({ images, channels, height, width }): Shape => [images, channels, height, width]);
const outputCounts = fc.integer({ min: 1, max: 10 }).map((blocks) => 8 * blocks);
const layout = fc.constantFrom(...layoutNames.filter((name) => name !== "a repeated value"));

test("random shapes, windows, layouts, offsets and spreads: at most twice libtorch's rounding errors", {
  skip,
}, () => {
  manualSeed(1);
  fc.assert(
    fc.property(
      shapes,
      outputCounts,
      fc.constantFrom(...windows),
      fc.tuple(layout, layout, layout),
      fc.constantFrom(0, 1, 1000),
      fc.constantFrom(1, 1e-3, 1e-30),
      fc.boolean(),
      (shape, outputs, window, [ofX, ofWeight, ofGradient], offset, spread, isNarrow) => {
        scope(() => {
          const operands = {
            x: add(mul(randomly(ofX, shape), spread), offset * spread),
            weight: randomly(ofWeight, [outputs, shape[1], window.size, window.size]),
            bias: mul(randn([outputs]), spread),
          };
          const direction = randomly(ofGradient, outputShape(shape, outputs, window));
          const name = `${shape} to ${outputs}, ${nameOf(window)}, ${spread} around ${offset}`;
          const compare = isNarrow ? assertAsExactInBFloat16 : assertAsExact;
          compare(ownBy(window), theirsBy(window), { operands, direction, factor: 2, name });
          assert.ok(ownBy(window)(operands.x, operands.weight).isContiguous("channels_last"), name);
        });
      },
    ),
    { numRuns: 320, seed: 2 },
  );
});

test("float64: as libtorch, for images smaller than a window and parts of many rows", { skip }, () => {
  for (const window of windows) {
    for (const shape of [
      [2, 3, 1, 1],
      [3, 1, 2, 9],
      [5, 4, 9, 2],
      [3, 3, 61, 53],
    ] as Shape[]) {
      scope(() => {
        const double = { dtype: "float64" } as const;
        const operands = {
          x: randn(shape, double),
          weight: randn([24, shape[1], window.size, window.size], double),
          bias: randn([24], double),
        };
        const direction = randn(outputShape(shape, 24, window), double);
        const [actual, expected] = [ownBy(window), theirsBy(window)].map((convolve) =>
          resultAndGradients(convolve, operands, direction).map((result) => result.toTypedArray()),
        ) as [Float64Array[], Float64Array[]];
        for (const [i, result] of expected.entries())
          for (const [at, value] of result.entries()) {
            const own = actual[i]?.[at] as number;
            assert.ok(
              Math.abs(own - value) < 1e-10 * Math.max(1, Math.abs(value)),
              `${shape}, ${nameOf(window)}: ${["y", "dx", "dw", "db"][i]} has ${own}, not ${value}`,
            );
          }
      });
    }
  }
});

test("what is not finite appears where libtorch's has it, in results and gradients", { skip }, () => {
  const kinds = (result: Tensor) =>
    Array.from(result.toTypedArray() as Float32Array, (value) => (Number.isFinite(value) ? "finite" : value));
  const { POSITIVE_INFINITY, NEGATIVE_INFINITY } = Number;
  for (const window of windows) {
    for (const value of [POSITIVE_INFINITY, NEGATIVE_INFINITY, Number.NaN]) {
      for (const operand of ["x", "weight", "direction"] as const) {
        scope(() => {
          const sizes: Shape = [1, 3, 7, 6];
          const shapes = {
            x: sizes,
            weight: [8, 3, window.size, window.size],
            direction: outputShape(sizes, 8, window),
          };
          const made = Object.fromEntries(
            Object.entries(shapes).map(([name, shape]) => {
              const values = randn(shape).toTypedArray() as Float32Array;
              if (name === operand) values[name === "x" ? 0 : 3] = value;
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
      const shape: Shape = [3, 3, 61, 53];
      const weight = randn([40, 3, window.size, window.size]);
      const operands = { x: channelsLast(randn(shape)), weight, bias: randn([40]) };
      const direction = channelsLast(randn(outputShape(shape, 40, window)));
      for (const dtype of ["float32", "bfloat16"] as const) {
        const x = cast(operands.x, { dtype });
        const [one, other] = [1, 3].map((threads) => {
          setNumThreads(threads);
          return scope(() => {
            // The images' gradient is libtorch's.
            const [y, , dw] = resultAndGradients(
              ownBy(window),
              { ...operands, x },
              cast(direction, { dtype }),
            ) as [Tensor, Tensor, Tensor];
            return [y, dw].map((result) => cast(result, { dtype: "float32" }).toTypedArray());
          });
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
    const operands = [randn([1, 3, 5, 4]), randn([8, 3, 3, 3]), randn([8])] as const;
    const [x, weight, bias] = operands;
    const direction = randn([1, 8, 3, 2]);
    const [, ...expected] = resultAndGradients(ownBy(usual), { x, weight, bias }, direction);
    assert.ok(!ownBy(usual)(...operands).requiresGrad, "none is asked for");
    for (let required = 1; required < 8; required++) {
      for (const [i, operand] of operands.entries()) operand.requiresGrad = (required & (1 << i)) !== 0;
      assert.ok(!noGrad(() => ownBy(usual)(...operands)).requiresGrad, "gradients are off");
      const places = [0, 1, 2].filter((i) => required & (1 << i));
      const gradients = grad(
        [ownBy(usual)(...operands)],
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
    const operands = [randn([1, 3, 4, 4]), randn([8, 3, 3, 3])] as const;
    for (const operand of operands) operand.requiresGrad = true;
    const y = sum(ownBy(usual)(...operands));
    noGrad(() => mulInPlace(operands[changed] as Tensor, 2));
    assert.throws(() => backward(y), /modified by an inplace operation/);
  }
  const x = randn([1, 3, 4, 4]);
  x.requiresGrad = true;
  const y = ownBy(usual)(x, randn([8, 3, 3, 3]));
  const [gradient] = grad([sum(mul(y, y))], [x], { createGraph: true });
  assert.throws(() => backward(sum(gradient as Tensor)), /no second derivative.*PEA_KERNELS=off/);
});

test("operands that do not fit are named", { skip }, () => {
  const x = randn([1, 3, 4, 4]);
  const weight = randn([8, 3, 3, 3]);
  const own = ownBy(usual);
  assert.throws(() => own(x, randn([12, 3, 3, 3])), /a multiple of 8, not 12/);
  assert.throws(() => own(randn([1, 8, 4, 4]), randn([8, 8, 3, 3])), /1 to 4 channels, not 8/);
  assert.throws(() => own(randn([1, 4, 4, 4]), weight), /x has 4 channels and weight takes 3/);
  assert.throws(() => own(randn([3, 4, 4]), weight), /not \[3, 4, 4\] and \[8, 3, 3, 3\]/);
  assert.throws(() => own(x, randn([8, 3, 3, 1])), /not \[1, 3, 4, 4\] and \[8, 3, 3, 1\]/);
  assert.throws(() => own(x, randn([8, 3, 8, 8])), /k from 2 to 7, not/);
  assert.throws(() => ownBy({ size: 3, stride: 3 })(x, weight), /stride must be 1 or 2, not 3/);
  for (const before of [
    [0, 3],
    [-1, 0],
  ] as const)
    assert.throws(() => ownBy({ ...usual, before })(x, weight), /padding before must be 0 to 2, not \[/);
  assert.throws(
    () => call("pea::stem", x, weight, undefined, 2, [1, 1, 1]),
    /stem: padding_before must be \[top, left\]|Expected a list of at most 2|size/,
  );
  assert.throws(() => own(x, weight, randn([4])), /bias must be \[8\], not \[4\]/);
  assert.throws(
    () => own(cast(x, { dtype: "float64" }), weight),
    /weight must be Double for x of Double, not Float/,
  );
  assert.throws(
    () => own(cast(x, { dtype: "bfloat16" }), cast(weight, { dtype: "bfloat16" })),
    /weight must be Float for x of BFloat16/,
  );
  assert.throws(() => own(zeros([2, 3, 0, 4]), weight), /images must have pixels, not \[2, 3, 0, 4\]/);
});

test("a batch of no images", { skip }, () => {
  const operands = { x: zeros([0, 3, 5, 4]), weight: randn([8, 3, 3, 3]), bias: randn([8]) };
  const [y, dx, dw, db] = resultAndGradients(ownBy(usual), operands, zeros([0, 8, 3, 2])) as Tensor[];
  assert.deepEqual(
    [y?.shape, dx?.shape, dw?.shape],
    [
      [0, 8, 3, 2],
      [0, 3, 5, 4],
      [8, 3, 3, 3],
    ],
  );
  for (const gradient of [dw, db])
    assert.ok(
      gradient?.toTypedArray().every((value) => value === 0),
      "gradients of nothing",
    );
});

describe("Conv2d", { skip }, () => {
  const isOwn = countingRuns(setConvKernel, stem, ownConvolution);

  const layer = (
    channels: number,
    outputs: number,
    kernelSize: Pair,
    options: ConvLayerOptions<Pair, Pair | Sides> = {},
  ) => new Conv2d(channels, outputs, kernelSize, { padding: 1, ...options, bias: false });

  test("runs on it for images of few channels in channels_last, else on libtorch's", () => {
    const x = channelsLast(randn([1, 3, 6, 7]));
    const gray = channelsLast(randn([1, 1, 6, 7]));
    assert.ok(isOwn(layer(3, 8, 3), x), "3×3");
    assert.ok(isOwn(layer(3, 32, [3, 3], { stride: [2, 2], padding: [1, 1] }), x), "3×3 of stride 2");
    assert.ok(isOwn(layer(3, 64, 7, { padding: 3, stride: 2 }), x), "7×7 of stride 2");
    assert.ok(isOwn(layer(1, 16, 5, { padding: 2 }), gray), "5×5 of gray images");
    assert.ok(isOwn(layer(3, 8, 2, { padding: 0, stride: 2 }), channelsLast(randn([1, 3, 6, 8]))), "2×2");
    assert.ok(!isOwn(layer(3, 8, 3), contiguous(x)), "rows of one channel");
    assert.ok(!isOwn(layer(3, 12, 3), x), "12 outputs");
    for (const outputs of [16, 24]) assert.ok(!isOwn(layer(3, outputs, 3), x), `${outputs} outputs`);
    assert.ok(!isOwn(layer(8, 8, 3), channelsLast(randn([1, 8, 6, 7]))), "8 channels");
    assert.ok(!isOwn(layer(4, 8, 3, { groups: 2 }), channelsLast(randn([1, 4, 6, 7]))), "two groups");
    assert.ok(!isOwn(layer(3, 8, 3, { stride: [1, 2] }), x), "two strides");
    assert.ok(!isOwn(layer(3, 8, 3, { stride: 3 }), x), "a stride of 3");
    assert.ok(!isOwn(layer(3, 8, 3, { padding: 0 }), x), "no padding");
    assert.ok(!isOwn(layer(3, 8, 3, { dilation: 2, padding: 2 }), x), "a dilation");
    assert.ok(!isOwn(layer(3, 8, [3, 1], { padding: [1, 0] }), x), "3×1");
    assert.ok(!isOwn(layer(3, 8, 1, { padding: 0 }), x), "1×1");
    assert.ok(!isOwn(layer(3, 8, 9, { padding: 4 }), x), "9×9");
  });

  test("runs on it for zeros on some sides alone", () => {
    const even = channelsLast(randn([1, 3, 6, 8]));
    const odd = channelsLast(randn([1, 3, 6, 7]));
    for (const [size, outputs, sides, x] of [
      [3, 8, [0, 1, 0, 1], even],
      [3, 16, [1, 1, 0, 1], odd],
      [3, 24, [1, 0, 1, 0], even],
      [7, 16, [2, 3, 2, 3], even],
    ] as const) {
      const convolution = layer(3, outputs, size, { stride: 2, padding: sides });
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
    const of = (sides: Sides) => layer(3, 8, 3, { stride: 2, padding: sides });
    assert.ok(!isOwn(of([0, 1, 0, 1]), odd), "columns short of half");
    assert.ok(!isOwn(of([0, 3, 0, 1]), even), "columns for one more output");
    assert.ok(!isOwn(of([3, 0, 1, 0]), even), "a window of zeros alone");
  });

  test("who records the operators sees libtorch's", () => {
    const convolution = layer(3, 8, 3);
    const x = channelsLast(randn([1, 3, 6, 7]));
    const names: string[] = [];
    recordCalls(
      ({ name }) => names.push(name),
      () => assert.ok(!isOwn(convolution, x), "recorded"),
    );
    assert.deepEqual(names, ["aten::conv2d"]);
  });

  test("autocast computes in bfloat16 with sums in float32, and the weights' gradient is not rounded", () => {
    for (const window of windows) {
      scope(() => {
        const x = channelsLast(randn([2, 3, 6, 7]));
        const weight = randn([24, 3, window.size, window.size]);
        weight.requiresGrad = true;
        const y = autocast("bfloat16", () => ownBy(window)(x, weight));
        assert.equal(y.dtype, "bfloat16");
        const [dw] = grad([sum(cast(mul(y, y), { dtype: "float32" }))], [weight]) as [Tensor];
        const rounded = cast(cast(dw, { dtype: "bfloat16" }), { dtype: "float32" });
        assert.notDeepEqual(dw.toTypedArray(), rounded.toTypedArray());
        const wide = bfloat16Operands({ x, weight });
        const expected = theirsBy(window)(cast(wide.x, { dtype: "float32" }), wide.weight);
        const actual = cast(y, { dtype: "float32" }).toTypedArray() as Float32Array;
        for (const [i, value] of (expected.toTypedArray() as Float32Array).entries()) {
          const off = Math.abs((actual[i] as number) - value);
          assert.ok(off <= Math.abs(value) / 256 + 1e-5, `${nameOf(window)}: ${actual[i]}, not ${value}`);
        }
      });
    }
    const double = autocast("bfloat16", () =>
      ownBy(usual)(randn([1, 3, 6, 7], { dtype: "float64" }), randn([8, 3, 3, 3], { dtype: "float64" })),
    );
    assert.equal(double.dtype, "float64");
  });
});
