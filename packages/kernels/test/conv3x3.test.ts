/** pea::conv3x3 against libtorch's convolution in float64, and the layer that runs on it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { conv3x3, useKernels } from "@pea/kernels";
import {
  add,
  autocast,
  backward,
  Conv2d,
  type ConvOptions,
  call,
  cast,
  contiguous,
  conv2d,
  getNumThreads,
  grad,
  manualSeed,
  mul,
  mulInPlace,
  narrow,
  noGrad,
  type Pair,
  randn,
  recordCalls,
  relu,
  scope,
  setConvKernel,
  setNumThreads,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "@pea/torch";
import fc from "fast-check";
import { assertAsExact, type Operands, resultAndGradients as run } from "./convolution-errors.ts";
import { channelsLast, layoutNames, randomly, type Shape } from "./layouts.ts";
import { countingRuns } from "./own-runs.ts";

const skip = !useKernels() && "the kernels are not built";

const own = (x: Tensor, weight: Tensor, bias?: Tensor) => call("pea::conv3x3", x, weight, bias);
const theirs = (x: Tensor, weight: Tensor, bias?: Tensor) => conv2d(x, weight, { bias, padding: 1 });

/** Few products round less in a direct sum than in a Winograd's tile. */
const assertNear = (operands: Operands, direction: Tensor, name: string) =>
  assertAsExact(own, theirs, { operands, direction, factor: 8, name });

const cases: { shape: Shape; outputs: number }[] = [
  { shape: [2, 16, 7, 9], outputs: 16 },
  { shape: [3, 64, 14, 14], outputs: 64 },
  { shape: [1, 32, 1, 1], outputs: 80 },
  { shape: [1, 48, 2, 13], outputs: 144 },
  { shape: [2, 512, 7, 7], outputs: 512 },
  { shape: [5, 128, 3, 2], outputs: 64 },
  { shape: [2, 64, 40, 41], outputs: 32 },
];

test("values and gradients are those of float64 to float32's rounding", { skip }, () => {
  manualSeed(1);
  for (const { shape, outputs } of cases) {
    for (const hasBias of [false, true]) {
      scope(() => {
        const [images, inputs, ...size] = shape;
        const x = channelsLast(randn(shape));
        const weight = channelsLast(randn([outputs, inputs, 3, 3]));
        const operands = { x, weight, ...(hasBias && { bias: randn([outputs]) }) };
        assertNear(operands, channelsLast(randn([images, outputs, ...size])), `${shape} to ${outputs}`);
      });
    }
  }
});

test("what networks take: at most twice libtorch's rounding errors", { skip }, () => {
  manualSeed(6);
  const layers: [images: number, channels: number, side: number][] = [
    [16, 64, 28],
    [16, 256, 14],
    [16, 512, 7],
    // What a rank has of them.
    [8, 256, 14],
    [8, 512, 7],
  ];
  for (const [images, channels, side] of layers) {
    scope(() => {
      const shape = [images, channels, side, side];
      const operands = {
        x: channelsLast(relu(randn(shape))),
        weight: channelsLast(randn([channels, channels, 3, 3])),
      };
      const direction = channelsLast(randn(shape));
      assertAsExact(own, theirs, { operands, direction, factor: 2, slack: 1e-8, name: `${shape}` });
    });
  }
});

test("random shapes and offsets of what it is for: at most twice libtorch's rounding errors", {
  skip,
}, () => {
  manualSeed(4);
  const channels = fc.integer({ min: 2, max: 12 }).map((blocks) => 16 * blocks);
  const size = fc.constantFrom(7, 8, 14, 15, 20);
  fc.assert(
    fc.property(
      fc.oneof(
        fc
          .tuple(fc.integer({ min: 2, max: 16 }), channels, size, size)
          .filter(([images, , height, width]) => images * Math.ceil(height / 2) * Math.ceil(width / 4) >= 40),
        // With the high tiles' weight gradients.
        fc.tuple(fc.constant(16), channels, fc.constantFrom(28, 33), fc.constant(31)),
      ),
      channels,
      fc.constantFrom(0, 1, 1000),
      fc.constantFrom(1, 1e-3, 1e-30),
      ([images, inputs, height, width], outputs, offset, spread) => {
        scope(() => {
          const x = channelsLast(add(mul(randn([images, inputs, height, width]), spread), offset * spread));
          const operands = {
            x,
            weight: channelsLast(randn([outputs, inputs, 3, 3])),
            bias: mul(randn([outputs]), spread),
          };
          const direction = channelsLast(randn([images, outputs, height, width]));
          const name = `${x.shape} to ${outputs}, ${spread} around ${offset}`;
          assertAsExact(own, theirs, { operands, direction, factor: 2, slack: 1e-8, name });
        });
      },
    ),
    { numRuns: 24, seed: 9 },
  );
});

test("random small shapes and layouts: right, with at most eight times the errors", { skip }, () => {
  const channels = fc.integer({ min: 1, max: 12 }).map((blocks) => 16 * blocks);
  const size = fc.integer({ min: 1, max: 20 });
  const layout = fc.constantFrom(...layoutNames.filter((name) => name !== "a repeated value"));
  fc.assert(
    fc.property(
      fc.tuple(fc.integer({ min: 1, max: 4 }), channels, size, size),
      channels,
      layout,
      layout,
      layout,
      ([images, inputs, height, width], outputs, ofX, ofWeight, ofGradient) => {
        scope(() => {
          const operands = {
            x: randomly(ofX, [images, inputs, height, width]),
            weight: randomly(ofWeight, [outputs, inputs, 3, 3]),
            bias: randn([outputs]),
          };
          const direction = randomly(ofGradient, [images, outputs, height, width]);
          assertNear(operands, direction, `${operands.x.shape} to ${outputs}`);
        });
      },
    ),
    { numRuns: 60, seed: 2 },
  );
});

test("operands of any strides; the result and its gradient are in channels_last", { skip }, () => {
  manualSeed(3);
  for (const layout of layoutNames) {
    scope(() => {
      const operands = { x: randomly(layout, [2, 32, 6, 5]), weight: randomly(layout, [16, 32, 3, 3]) };
      assertNear(operands, randomly(layout, [2, 16, 6, 5]), layout);
      const y = own(operands.x, operands.weight);
      assert.ok(y.isContiguous("channels_last"));
    });
  }
});

test("the results do not depend on the number of threads", { skip }, () => {
  const before = getNumThreads();
  const cases = [
    // 91 high tiles in blocks of 91, 46, 31 and 23 rows, of which the last of a block of the product are 1, 4, 1 and 5; and
    // panels that are narrower than others.
    { shape: [1, 80, 26, 50], outputs: 208 },
    // High tiles for the weights' gradient.
    { shape: [16, 32, 28, 31], outputs: 48 },
  ];
  try {
    for (const { shape, outputs } of cases) {
      const [images, inputs, ...size] = shape as [number, number, number, number];
      const x = channelsLast(randn(shape));
      const operands = { x, weight: randn([outputs, inputs, 3, 3]), bias: randn([outputs]) };
      const direction = channelsLast(randn([images, outputs, ...size]));
      const [one, ...others] = [1, 2, 3, 5].map((threads) => {
        setNumThreads(threads);
        return scope(() => run(own, operands, direction).map((tensor) => tensor.toTypedArray()));
      });
      for (const other of others) assert.deepEqual(other, one);
    }
  } finally {
    setNumThreads(before);
  }
});

test("images have the result and the gradient that they have in a larger batch, bit for bit", {
  skip,
}, () => {
  // Of few tiles panels of the outputs follow one another, of many blocks of tiles.
  for (const [inputs, outputs, height, width] of [
    [64, 64, 14, 14],
    [48, 80, 7, 9],
    [512, 192, 7, 7],
    [96, 144, 20, 15],
  ] as const) {
    scope(() => {
      const x = channelsLast(randn([40, inputs, height, width]));
      const direction = channelsLast(randn([40, outputs, height, width]));
      const weight = randn([outputs, inputs, 3, 3]);
      const first = (tensor: Tensor) => narrow(tensor, 0, 0, 2);
      const whole = run(own, { x, weight }, direction);
      const part = run(own, { x: first(x), weight }, first(direction));
      for (const i of [0, 1] as const) {
        const expected = first(whole[i] as Tensor).toTypedArray();
        assert.deepEqual((part[i] as Tensor).toTypedArray(), expected, `${inputs} to ${outputs}, ${i}`);
      }
    });
  }
});

test("only what is asked for has a gradient", { skip }, () => {
  scope(() => {
    const operands = [randn([1, 16, 4, 4]), randn([32, 16, 3, 3]), randn([32])] as const;
    const [x, weight, bias] = operands;
    const direction = randn([1, 32, 4, 4]);
    const [, ...expected] = run(own, { x, weight, bias }, direction);
    assert.ok(!own(...operands).requiresGrad);
    for (const operand of operands) operand.requiresGrad = true;
    assert.ok(!noGrad(() => own(...operands)).requiresGrad);
    // Two ways not to be asked: no gradient is required, or others are asked for.
    for (let frozen = 0; frozen < 7; frozen++) {
      for (const [i, operand] of operands.entries()) operand.requiresGrad = (frozen & (1 << i)) === 0;
      for (let asked = 1; asked < 8; asked++) {
        if (asked & frozen) continue;
        const places = [0, 1, 2].filter((i) => asked & (1 << i));
        const wanted = places.map((i) => operands[i] as Tensor);
        const gradients = grad([own(...operands)], wanted, { gradients: [direction] });
        for (const [at, place] of places.entries())
          assert.deepEqual(gradients[at]?.toTypedArray(), expected[place]?.toTypedArray());
      }
    }
  });
});

test("what is not finite stays in the blocks whose tiles see it", { skip }, () => {
  const side = 12;
  const finitePixels = (y: Tensor): boolean[] => {
    const values = y.toTypedArray();
    return Array.from({ length: side * side }, (_, pixel) =>
      Array.from({ length: 16 }, (_, channel) => values[channel * side * side + pixel] as number).every(
        Number.isFinite,
      ),
    );
  };
  // Whether an output's tile, of so many pixels along an axis, sees an input.
  const sees = (tile: number, output: number, input: number) =>
    Math.abs(tile * Math.floor(output / tile) + (tile - 1) / 2 - input) < tile / 2 + 1;
  // Tiles are high where the channels are many.
  const kinds = [
    { channels: 16, tileRows: 2 },
    { channels: 64, tileRows: 4 },
  ];
  const places = [
    [4, 4],
    [4, 5],
    [5, 4],
    [5, 5],
    [0, 11],
  ] as const;
  for (const { channels, tileRows } of kinds) {
    for (const [row, column] of places) {
      for (const value of [Number.POSITIVE_INFINITY, Number.NaN]) {
        scope(() => {
          const shape = [1, channels, side, side];
          const values = randn(shape).toTypedArray();
          values[row * side + column] = value;
          const x = channelsLast(tensor(values, { shape }));
          const weight = randn([16, channels, 3, 3]);
          const direct = finitePixels(theirs(x, weight));
          for (const [pixel, finite] of finitePixels(own(x, weight)).entries()) {
            const [h, w] = [Math.floor(pixel / side), pixel % side];
            const isSeen = sees(tileRows, h, row) && sees(4, w, column);
            const what = `${value} at ${[row, column]} of ${channels} channels`;
            if (finite) assert.ok(direct[pixel], `${what} is missing at ${[h, w]}`);
            else assert.ok(isSeen, `${what} reaches ${[h, w]}`);
          }
        });
      }
    }
  }
});

test("operands that are changed before backward are noticed", { skip }, () => {
  for (const changed of [0, 1]) {
    const operands = [randn([1, 16, 4, 4]), randn([16, 16, 3, 3])] as const;
    for (const operand of operands) operand.requiresGrad = true;
    const y = sum(own(...operands));
    noGrad(() => mulInPlace(operands[changed] as Tensor, 2));
    assert.throws(() => backward(y), /modified by an inplace operation/);
  }
});

test("backward twice, where the graph is retained, and not where it is not", { skip }, () => {
  scope(() => {
    const operands = [randn([1, 16, 4, 4]), randn([16, 16, 3, 3])] as const;
    for (const operand of operands) operand.requiresGrad = true;
    const y = sum(own(...operands));
    const gradient = () => grad([y], [operands[1]], { retainGraph: true })[0]?.toTypedArray();
    assert.deepEqual(gradient(), gradient());
    grad([y], [operands[1]]);
    assert.throws(() => grad([y], [operands[1]]), /second time/);
  });
});

test("a batch of no images", { skip }, () => {
  const operands = { x: zeros([0, 16, 5, 5]), weight: randn([32, 16, 3, 3]), bias: randn([32]) };
  const [y, dx, dw, db] = run(own, operands, zeros([0, 32, 5, 5])) as [Tensor, Tensor, Tensor, Tensor];
  assert.deepEqual(
    [y.shape, dx.shape],
    [
      [0, 32, 5, 5],
      [0, 16, 5, 5],
    ],
  );
  for (const gradient of [dw, db]) assert.ok(gradient.toTypedArray().every((value) => value === 0));
});

test("errors name what does not fit, and a second derivative is refused", { skip }, () => {
  const x = randn([1, 16, 4, 4]);
  const weight = randn([32, 16, 3, 3]);
  assert.throws(() => own(randn([1, 24, 4, 4]), randn([16, 24, 3, 3])), /a multiple of 16, not 24/);
  assert.throws(() => own(randn([1, 32, 4, 4]), weight), /x has 32 channels and weight takes 16/);
  assert.throws(() => own(x, randn([16, 16, 5, 5])), /not \[1, 16, 4, 4\] and \[16, 16, 5, 5\]/);
  assert.throws(() => own(x, weight, randn([16])), /bias must be \[32\], not \[16\]/);
  assert.throws(() => own(cast(x, { dtype: "float64" }), weight), /must be float32, not Double and Float/);
  assert.throws(() => own(x, weight, randn([32], { dtype: "float64" })), /bias must be float32, not Double/);
  assert.throws(() => own(randn([16, 4, 4]), weight), /not \[16, 4, 4\] and/);
  assert.throws(() => own(zeros([2, 16, 0, 4]), weight), /images must have pixels, not \[2, 16, 0, 4\]/);
  x.requiresGrad = true;
  const y = own(x, weight);
  const [gradient] = grad([sum(mul(y, y))], [x], { createGraph: true });
  assert.throws(() => backward(sum(gradient as Tensor)), /no second derivative.*PEA_KERNELS=off/);
});

describe("Conv2d", { skip }, () => {
  const isOwn = countingRuns(setConvKernel, conv3x3);

  const layer = (inputs: number, outputs: number, kernelSize: Pair, options: ConvOptions<Pair> = {}) =>
    new Conv2d(inputs, outputs, kernelSize, { padding: 1, ...options, bias: false });

  test("runs on it for 3×3 windows of stride 1 and many channels in channels_last, else on libtorch's", () => {
    const x = channelsLast(randn([3, 64, 16, 16]));
    assert.ok(isOwn(layer(64, 32, 3), x));
    assert.ok(isOwn(layer(64, 48, [3, 3], { stride: [1, 1], padding: [1, 1] }), x));
    assert.ok(!isOwn(layer(64, 32, 3), contiguous(x)));
    assert.ok(!isOwn(layer(64, 32, 3), channelsLast(randn([2, 64, 8, 16]))), "few tiles");
    assert.ok(!isOwn(layer(64, 32, 3), channelsLast(randn([1, 64, 16, 20]))), "a small image");
    assert.ok(isOwn(layer(64, 32, 3), channelsLast(randn([1, 64, 16, 21]))), "a larger image");
    assert.ok(!isOwn(layer(64, 16, 3), x), "few channels");
    assert.ok(!isOwn(layer(64, 40, 3), x), "no multiple of 16");
    assert.ok(!isOwn(layer(16, 64, 3), channelsLast(randn([3, 16, 16, 16]))), "few channels");
    assert.ok(!isOwn(layer(40, 64, 3), channelsLast(randn([3, 40, 16, 16]))), "no multiple of 16");
    assert.ok(!isOwn(layer(64, 32, [3, 1]), x));
    assert.ok(!isOwn(layer(64, 32, 3, { stride: 2 }), x));
    assert.ok(!isOwn(layer(64, 32, 3, { padding: 0 }), x));
    assert.ok(!isOwn(layer(64, 32, 3, { dilation: [1, 2] }), x));
    assert.ok(!isOwn(layer(64, 64, 3, { groups: 2 }), x));
    const { weight } = layer(64, 32, 3);
    const narrow = cast(x, { dtype: "bfloat16" });
    assert.equal(conv3x3(narrow, cast(weight, { dtype: "bfloat16" }), { padding: 1 }), undefined);
  });

  test("who records the operators sees libtorch's", () => {
    const names: string[] = [];
    const convolution = layer(64, 64, 3);
    const x = channelsLast(randn([3, 64, 16, 16]));
    recordCalls(
      ({ name }) => names.push(name),
      () => assert.ok(!isOwn(convolution, x)),
    );
    assert.deepEqual(names, ["aten::conv2d"]);
  });

  test("autocast computes in bfloat16, as libtorch's", () => {
    scope(() => {
      const x = channelsLast(randn([3, 64, 16, 16]));
      const convolution = layer(64, 64, 3);
      const results = autocast("bfloat16", () => [convolution.forward(x), theirs(x, convolution.weight)]);
      for (const result of results) assert.equal(result.dtype, "bfloat16");
      const [actual, expected] = results.map((result) => cast(result, { dtype: "float32" }).toTypedArray());
      assert.deepEqual(actual, expected);
    });
  });
});
