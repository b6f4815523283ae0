/** pea::conv3x1 against libtorch's convolution in float64, and the layer that runs on it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { conv3x1, ownConvolution, useKernels } from "@pea/kernels";
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
  noGrad,
  type Pair,
  randn,
  recordCalls,
  scope,
  setConvKernel,
  setNumThreads,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "@pea/torch";
import fc from "fast-check";
import { assertAsExact, type Convolve, resultAndGradients as run } from "./convolution-errors.ts";
import { channelsLast, layoutNames, randomly } from "./layouts.ts";
import { countingRuns } from "./own-runs.ts";

const skip = !useKernels() && "the kernels are not built";

type Window = readonly [number, number];
const windows: readonly Window[] = [
  [3, 1],
  [1, 3],
];

/** What keeps the size, along the window alone. */
const spaced = ([height]: Window, dilation: number) => ({
  padding: (height === 3 ? [dilation, 0] : [0, dilation]) as Pair,
  dilation: (height === 3 ? [dilation, 1] : [1, dilation]) as Pair,
});

const own =
  (dilation: number): Convolve =>
  (x, weight, bias) =>
    call("pea::conv3x1", x, weight, bias, dilation);
const theirs =
  (window: Window, dilation: number): Convolve =>
  (x, weight, bias) =>
    conv2d(x, weight, { bias, ...spaced(window, dilation) });

test("random shapes, dilations and offsets of what it is for: at most twice libtorch's rounding errors", {
  skip,
}, () => {
  manualSeed(1);
  const channels = fc.integer({ min: 2, max: 12 }).map((blocks) => 16 * blocks);
  fc.assert(
    fc.property(
      fc.record({
        images: fc.integer({ min: 1, max: 3 }),
        inputs: channels,
        outputs: channels,
        // Of the lines along the window, and how many there are.
        outputsOfTile: fc.constantFrom(3, 4, 7, 8, 11),
        dilation: fc.constantFrom(1, 2, 3, 4, 8, 16),
        lines: fc.integer({ min: 24, max: 64 }),
      }),
      fc.constantFrom(...windows),
      fc.constantFrom(0, 1, 1000),
      fc.constantFrom(1, 1e-3, 1e-30),
      ({ images, inputs, outputs, outputsOfTile, dilation, lines }, window, offset, spread) => {
        scope(() => {
          const length = outputsOfTile * dilation;
          const [height, width] = window[0] === 3 ? [length, lines] : [lines, length];
          const x = channelsLast(add(mul(randn([images, inputs, height, width]), spread), offset * spread));
          const operands = {
            x,
            weight: randn([outputs, inputs, ...window]),
            bias: mul(randn([outputs]), spread),
          };
          const direction = channelsLast(randn([images, outputs, height, width]));
          const name = `${window} of ${x.shape} to ${outputs}, dilation ${dilation}, ${spread} around ${offset}`;
          assertAsExact(own(dilation), theirs(window, dilation), { operands, direction, factor: 2, name });
        });
      },
    ),
    { numRuns: 80, seed: 2 },
  );
});

test("random small shapes and layouts, with dilations beyond the image: right, with errors of the same size", {
  skip,
}, () => {
  manualSeed(3);
  const channels = fc.integer({ min: 1, max: 10 }).map((blocks) => 16 * blocks);
  const size = fc.integer({ min: 1, max: 20 });
  const layout = fc.constantFrom(...layoutNames.filter((name) => name !== "a repeated value"));
  fc.assert(
    fc.property(
      fc.tuple(fc.integer({ min: 1, max: 4 }), channels, size, size),
      channels,
      fc.constantFrom(...windows),
      fc.constantFrom(1, 2, 5, 30, Number.MAX_SAFE_INTEGER),
      fc.tuple(layout, layout, layout),
      ([images, inputs, height, width], outputs, window, dilation, [ofX, ofWeight, ofGradient]) => {
        scope(() => {
          const operands = {
            x: randomly(ofX, [images, inputs, height, width]),
            weight: randomly(ofWeight, [outputs, inputs, ...window]),
            bias: randn([outputs]),
          };
          const direction = randomly(ofGradient, [images, outputs, height, width]);
          const name = `${window} of ${operands.x.shape} to ${outputs}, dilation ${dilation}`;
          // libtorch's own size of what it pads has bounds.
          const theirDilation = Math.min(dilation, 30);
          assertAsExact(own(dilation), theirs(window, theirDilation), {
            operands,
            direction,
            factor: 5,
            name,
          });
          assert.ok(own(dilation)(operands.x, operands.weight).isContiguous("channels_last"), name);
        });
      },
    ),
    { numRuns: 60, seed: 2 },
  );
});

test("the results do not depend on the number of threads", { skip }, () => {
  const threadsBefore = getNumThreads();
  try {
    for (const window of windows) {
      // Several slabs of lines, the last of them smaller; tiles that are cut off; panels that are narrower than others.
      const x = channelsLast(randn([2, 80, 61, 53]));
      const operands = { x, weight: randn([208, 80, ...window]), bias: randn([208]) };
      const direction = channelsLast(randn([2, 208, 61, 53]));
      const [one, ...others] = [1, 2, 3, 5].map((threads) => {
        setNumThreads(threads);
        return scope(() => run(own(2), operands, direction).map((result) => result.toTypedArray()));
      });
      for (const other of others) assert.deepEqual(other, one);
    }
  } finally {
    setNumThreads(threadsBefore);
  }
});

test("lines longer than a thread takes tiles at a time", { skip }, () => {
  manualSeed(4);
  for (const window of windows) {
    scope(() => {
      const size = window[0] === 3 ? [1201, 2] : [2, 1201];
      const operands = { x: channelsLast(randn([1, 32, ...size])), weight: randn([16, 32, ...window]) };
      const direction = channelsLast(randn([1, 16, ...size]));
      assertAsExact(own(3), theirs(window, 3), { operands, direction, factor: 2, name: `${window}` });
    });
  }
});

test("only what is asked for has a gradient", { skip }, () => {
  scope(() => {
    const operands = [randn([1, 16, 4, 9]), randn([32, 16, 1, 3]), randn([32])] as const;
    const [x, weight, bias] = operands;
    const direction = randn([1, 32, 4, 9]);
    const [, ...expected] = run(own(2), { x, weight, bias }, direction);
    assert.ok(!own(2)(...operands).requiresGrad, "no operand requires a gradient");
    for (const operand of operands) operand.requiresGrad = true;
    assert.ok(!noGrad(() => own(2)(...operands)).requiresGrad, "gradients are off");
    // Two ways not to be asked: no gradient is required, or others are asked for.
    for (let frozen = 0; frozen < 7; frozen++) {
      for (const [i, operand] of operands.entries()) operand.requiresGrad = (frozen & (1 << i)) === 0;
      for (let asked = 1; asked < 8; asked++) {
        if (asked & frozen) continue;
        const places = [0, 1, 2].filter((i) => asked & (1 << i));
        const wanted = places.map((i) => operands[i] as Tensor);
        const gradients = grad([own(2)(...operands)], wanted, { gradients: [direction] });
        for (const [at, place] of places.entries())
          assert.deepEqual(gradients[at]?.toTypedArray(), expected[place]?.toTypedArray());
      }
    }
  });
});

test("what is not finite stays in the tiles that see it, and is nowhere missing", { skip }, () => {
  const [side, dilation] = [16, 2];
  /** Which pixels are finite in all channels. */
  const finitePixels = (y: Tensor): boolean[] => {
    const values = y.toTypedArray();
    return Array.from({ length: side * side }, (_, pixel) =>
      Array.from({ length: 16 }, (_, channel) => values[channel * side * side + pixel] as number).every(
        Number.isFinite,
      ),
    );
  };
  /** Whether the tile of an output reads an input: along the window, where they are of the same line. */
  const isSeen = (output: number, input: number) => {
    const [tile, at] = [4 * Math.floor(output / dilation / 4), Math.floor(input / dilation)];
    return output % dilation === input % dilation && at >= tile - 1 && at <= tile + 4;
  };
  for (const window of windows) {
    for (const [row, column] of [
      [0, 0],
      [5, 9],
      [7, 8],
      [15, 2],
    ] as const) {
      for (const value of [Number.POSITIVE_INFINITY, Number.NaN]) {
        scope(() => {
          const values = randn([1, 16, side, side]).toTypedArray();
          values[row * side + column] = value;
          const x = channelsLast(tensor(values, { shape: [1, 16, side, side] }));
          const weight = randn([16, 16, ...window]);
          const direct = finitePixels(theirs(window, dilation)(x, weight));
          for (const [pixel, finite] of finitePixels(own(dilation)(x, weight)).entries()) {
            const [h, w] = [Math.floor(pixel / side), pixel % side];
            const at = `${value} at ${[row, column]}`;
            if (finite) assert.ok(direct[pixel], `${at} is missing at ${[h, w]}`);
            else if (window[0] === 3) assert.ok(w === column && isSeen(h, row), `${at} reaches ${[h, w]}`);
            else assert.ok(h === row && isSeen(w, column), `${at} reaches ${[h, w]}`);
          }
        });
      }
    }
  }
});

test("operands that are changed before backward are noticed", { skip }, () => {
  for (const changed of [0, 1]) {
    const operands = [randn([1, 16, 4, 4]), randn([16, 16, 3, 1])] as const;
    for (const operand of operands) operand.requiresGrad = true;
    const y = sum(own(1)(...operands));
    noGrad(() => mulInPlace(operands[changed] as Tensor, 2));
    assert.throws(() => backward(y), /modified by an inplace operation/);
  }
});

test("a batch of no images", { skip }, () => {
  for (const window of windows) {
    const operands = { x: zeros([0, 16, 5, 5]), weight: randn([32, 16, ...window]), bias: randn([32]) };
    const [y, dx, dw, db] = run(own(1), operands, zeros([0, 32, 5, 5])) as [Tensor, Tensor, Tensor, Tensor];
    assert.deepEqual(y.shape, [0, 32, 5, 5]);
    assert.deepEqual(dx.shape, [0, 16, 5, 5]);
    for (const gradient of [dw, db])
      assert.ok(
        gradient.toTypedArray().every((value) => value === 0),
        "sums of nothing are 0",
      );
  }
});

test("errors name what does not fit, and a second derivative is refused", { skip }, () => {
  const x = randn([1, 16, 4, 4]);
  const weight = randn([32, 16, 3, 1]);
  const run = own(1);
  assert.throws(() => run(randn([1, 24, 4, 4]), randn([16, 24, 3, 1])), /a multiple of 16, not 24/);
  assert.throws(() => run(randn([1, 32, 4, 4]), weight), /x has 32 channels and weight takes 16/);
  assert.throws(() => run(x, randn([16, 16, 3, 3])), /not \[1, 16, 4, 4\] and \[16, 16, 3, 3\]/);
  assert.throws(() => run(x, weight, randn([16])), /bias must be \[32\], not \[16\]/);
  assert.throws(() => run(cast(x, { dtype: "float64" }), weight), /must be float32, not Double and Float/);
  assert.throws(() => run(x, weight, randn([32], { dtype: "float64" })), /bias must be float32, not Double/);
  assert.throws(() => run(randn([16, 4, 4]), weight), /not \[16, 4, 4\] and/);
  assert.throws(() => run(zeros([2, 16, 0, 4]), weight), /images must have pixels, not \[2, 16, 0, 4\]/);
  for (const dilation of [0, -1])
    assert.throws(() => own(dilation)(x, weight), /dilation must be above 0, not/);
  x.requiresGrad = true;
  const y = run(x, weight);
  const [gradient] = grad([sum(mul(y, y))], [x], { createGraph: true });
  assert.throws(() => backward(sum(gradient as Tensor)), /conv3x1 has no second derivative.*PEA_KERNELS=off/);
});

describe("Conv2d", { skip }, () => {
  const isOwn = countingRuns(setConvKernel, conv3x1, ownConvolution);

  const layer = (inputs: number, outputs: number, kernelSize: Pair, options: ConvOptions<Pair> = {}) =>
    new Conv2d(inputs, outputs, kernelSize, { ...options, bias: false });

  test("runs on it for 3×1 and 1×3 windows that keep the size and many channels in channels_last, else on libtorch's", () => {
    const x = channelsLast(randn([2, 64, 32, 32]));
    for (const window of windows) {
      for (const dilation of [1, 2, 3, 8])
        assert.ok(isOwn(layer(64, 32, [...window], spaced(window, dilation)), x), `${window} by ${dilation}`);
      assert.ok(!isOwn(layer(64, 32, [...window], spaced(window, 16)), x), "two outputs of a tile");
      assert.ok(!isOwn(layer(64, 32, [...window], spaced(window, 100)), x), "outer taps beyond the image");
    }
    const [window] = windows as [Window];
    const options = spaced(window, 1);
    const of = (inputs: number, outputs: number, more: ConvOptions<Pair> = {}) =>
      layer(inputs, outputs, [...window], { ...options, ...more });
    assert.ok(isOwn(of(64, 48, { dilation: [1, 7] }), x), "a dilation across the window is none");
    assert.ok(!isOwn(of(64, 32), contiguous(x)), "another memory format");
    assert.ok(!isOwn(of(64, 32), channelsLast(randn([1, 64, 16, 16]))), "few tiles");
    assert.ok(!isOwn(of(64, 16), x), "few channels");
    assert.ok(!isOwn(of(64, 40), x), "no multiple of 16");
    assert.ok(!isOwn(of(16, 64), channelsLast(randn([2, 16, 32, 32]))), "few channels");
    assert.ok(!isOwn(of(64, 32, { stride: [2, 1] }), x), "a stride");
    assert.ok(!isOwn(of(64, 32, { padding: 1 }), x), "padding across the window");
    assert.ok(!isOwn(of(64, 32, { padding: 0 }), x), "no padding");
    assert.ok(!isOwn(of(64, 32, { dilation: [2, 1] }), x), "padding that does not keep the size");
    assert.ok(!isOwn(of(64, 64, { groups: 2 }), x), "groups");
    assert.ok(!isOwn(layer(64, 32, 3, { padding: 1 }), x), "another window");
    const { weight } = of(64, 32);
    const narrow = cast(x, { dtype: "bfloat16" });
    assert.equal(conv3x1(narrow, cast(weight, { dtype: "bfloat16" }), options), undefined);
  });

  test("who records the operators sees libtorch's", () => {
    const names: string[] = [];
    const convolution = layer(64, 64, [1, 3], spaced([1, 3], 2));
    const x = channelsLast(randn([2, 64, 32, 32]));
    recordCalls(
      ({ name }) => names.push(name),
      () => assert.ok(!isOwn(convolution, x), "under recordCalls"),
    );
    assert.deepEqual(names, ["aten::conv2d"]);
  });

  test("autocast computes in bfloat16, as libtorch's", () => {
    for (const window of windows) {
      scope(() => {
        const x = channelsLast(randn([2, 64, 32, 32]));
        const convolution = layer(64, 64, [...window], spaced(window, 2));
        const results = autocast("bfloat16", () => [
          convolution.forward(x),
          theirs(window, 2)(x, convolution.weight),
        ]);
        for (const result of results) assert.equal(result.dtype, "bfloat16");
        const [actual, expected] = results.map((result) => cast(result, { dtype: "float32" }).toTypedArray());
        assert.deepEqual(actual, expected);
      });
    }
  });
});
