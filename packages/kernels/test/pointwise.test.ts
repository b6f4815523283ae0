/** pea::pointwise against libtorch's convolution, in float64 where that is the measure, and the layer that runs on it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ownConvolution, pointwise, useKernels } from "@pea/kernels";
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
import {
  assertAsExact,
  assertAsExactInBFloat16,
  bfloat16Operands,
  type Convolve,
  resultAndGradients,
} from "./convolution-errors.ts";
import { channelsLast, layoutNames, randomly } from "./layouts.ts";
import { countingRuns } from "./own-runs.ts";

const skip = !useKernels() && "the kernels are not built";

const own: Convolve = (x, weight, bias) => call("pea::pointwise", x, weight, bias);
const theirs: Convolve = (x, weight, bias) => conv2d(x, weight, { bias });

const channels = fc.integer({ min: 1, max: 20 }).map((blocks) => 8 * blocks);
const size = fc.integer({ min: 1, max: 24 });
const shapes = fc.tuple(fc.integer({ min: 1, max: 4 }), channels, size, size);
const layout = fc.constantFrom(...layoutNames.filter((name) => name !== "a repeated value"));

test("random shapes, layouts, offsets and spreads: at most twice libtorch's rounding errors", {
  skip,
}, () => {
  manualSeed(1);
  fc.assert(
    fc.property(
      shapes,
      channels,
      fc.tuple(layout, layout, layout),
      fc.constantFrom(0, 1, 1000),
      fc.constantFrom(1, 1e-3, 1e-30),
      fc.boolean(),
      (shape, outputs, [ofX, ofWeight, ofGradient], offset, spread, isNarrow) => {
        scope(() => {
          const operands = {
            x: add(mul(randomly(ofX, shape), spread), offset * spread),
            weight: randomly(ofWeight, [outputs, shape[1], 1, 1]),
            bias: mul(randn([outputs]), spread),
          };
          const direction = randomly(ofGradient, [shape[0], outputs, shape[2], shape[3]]);
          const name = `${shape} to ${outputs}, ${spread} around ${offset}`;
          const compare = isNarrow ? assertAsExactInBFloat16 : assertAsExact;
          compare(own, theirs, { operands, direction, factor: 2, name });
          assert.ok(own(operands.x, operands.weight).isContiguous("channels_last"));
        });
      },
    ),
    { numRuns: 160, seed: 2 },
  );
});

test("what is not finite appears where libtorch's has it, in results and gradients", { skip }, () => {
  const kinds = (result: Tensor) =>
    Array.from(result.toTypedArray() as Float32Array, (value) => (Number.isFinite(value) ? "finite" : value));
  const { POSITIVE_INFINITY, NEGATIVE_INFINITY } = Number;
  for (const value of [POSITIVE_INFINITY, NEGATIVE_INFINITY, Number.NaN]) {
    for (const operand of ["x", "weight", "direction"] as const) {
      scope(() => {
        const shapes = { x: [1, 16, 3, 5], weight: [24, 16, 1, 1], direction: [1, 24, 3, 5] };
        const made = Object.fromEntries(
          Object.entries(shapes).map(([name, shape]) => {
            const values = randn(shape).toTypedArray() as Float32Array;
            if (name === operand) values[3] = value;
            return [name, tensor(values, { shape })];
          }),
        ) as Record<"x" | "weight" | "direction", Tensor>;
        const run = (convolve: Convolve) =>
          resultAndGradients(convolve, made, made.direction).map((result) => kinds(result));
        assert.deepEqual(run(own), run(theirs), `${value} in ${operand}`);
      });
    }
  }
});

test("the results do not depend on the number of threads", { skip }, () => {
  const threadsBefore = getNumThreads();
  try {
    // Many pixels, and so many weights that threads share the sum of their gradient's parts.
    for (const [images, inputs, outputs, height, width] of [
      [3, 24, 40, 61, 53],
      [2, 128, 160, 28, 28],
    ] as const) {
      const operands = {
        x: channelsLast(randn([images, inputs, height, width])),
        weight: randn([outputs, inputs, 1, 1]),
        bias: randn([outputs]),
      };
      const direction = channelsLast(randn([images, outputs, height, width]));
      for (const dtype of ["float32", "bfloat16"] as const) {
        const [one, other] = [1, 3].map((threads) => {
          setNumThreads(threads);
          return scope(() =>
            resultAndGradients(
              own,
              { ...operands, x: cast(operands.x, { dtype }) },
              cast(direction, { dtype }),
            ).map((result) => cast(result, { dtype: "float32" }).toTypedArray()),
          );
        });
        assert.deepEqual(other, one, `${dtype}, ${inputs} to ${outputs} channels`);
      }
    }
  } finally {
    setNumThreads(threadsBefore);
  }
});

test("only what is asked for has a gradient", { skip }, () => {
  scope(() => {
    const operands = [randn([1, 8, 5, 4]), randn([16, 8, 1, 1]), randn([16])] as const;
    const [x, weight, bias] = operands;
    const direction = randn([1, 16, 5, 4]);
    const [, ...expected] = resultAndGradients(own, { x, weight, bias }, direction);
    assert.ok(!own(...operands).requiresGrad);
    for (let required = 1; required < 8; required++) {
      for (const [i, operand] of operands.entries()) operand.requiresGrad = (required & (1 << i)) !== 0;
      assert.ok(!noGrad(() => own(...operands)).requiresGrad);
      const places = [0, 1, 2].filter((i) => required & (1 << i));
      const gradients = grad(
        [own(...operands)],
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
    const operands = [randn([1, 8, 4, 4]), randn([16, 8, 1, 1])] as const;
    for (const operand of operands) operand.requiresGrad = true;
    const y = sum(own(...operands));
    noGrad(() => mulInPlace(operands[changed] as Tensor, 2));
    assert.throws(() => backward(y), /modified by an inplace operation/);
  }
  const x = randn([1, 8, 4, 4]);
  x.requiresGrad = true;
  const y = own(x, randn([16, 8, 1, 1]));
  const [gradient] = grad([sum(mul(y, y))], [x], { createGraph: true });
  assert.throws(() => backward(sum(gradient as Tensor)), /no second derivative.*PEA_KERNELS=off/);
});

test("operands that do not fit are named", { skip }, () => {
  const x = randn([1, 8, 4, 4]);
  const weight = randn([16, 8, 1, 1]);
  assert.throws(() => own(randn([1, 12, 4, 4]), randn([16, 12, 1, 1])), /a multiple of 8, not 12/);
  assert.throws(() => own(x, randn([12, 8, 1, 1])), /a multiple of 8, not 12/);
  assert.throws(() => own(randn([1, 16, 4, 4]), weight), /x has 16 channels and weight takes 8/);
  assert.throws(() => own(x, randn([8, 8, 3, 3])), /not \[1, 8, 4, 4\] and \[8, 8, 3, 3\]/);
  assert.throws(() => own(randn([8, 4, 4]), weight), /not \[8, 4, 4\] and/);
  assert.throws(() => own(x, weight, randn([8])), /bias must be \[16\], not \[8\]/);
  assert.throws(
    () => own(cast(x, { dtype: "float64" }), weight),
    /weight must be Double for x of Double, not Float/,
  );
  const narrow = cast(weight, { dtype: "bfloat16" });
  assert.throws(() => own(cast(x, { dtype: "bfloat16" }), narrow), /weight must be Float for x of BFloat16/);
  assert.throws(() => own(x, weight, cast(randn([16]), { dtype: "float64" })), /bias must be Float/);
  assert.throws(() => own(zeros([2, 8, 0, 4]), weight), /images must have pixels, not \[2, 8, 0, 4\]/);
});

test("a batch of no images", { skip }, () => {
  const operands = { x: zeros([0, 8, 5, 4]), weight: randn([16, 8, 1, 1]), bias: randn([16]) };
  const [y, dx, dw, db] = resultAndGradients(own, operands, zeros([0, 16, 5, 4])) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  assert.deepEqual(
    [y.shape, dx.shape, dw.shape],
    [
      [0, 16, 5, 4],
      [0, 8, 5, 4],
      [16, 8, 1, 1],
    ],
  );
  for (const gradient of [dw, db]) assert.ok(gradient.toTypedArray().every((value) => value === 0));
});

describe("Conv2d", { skip }, () => {
  const isOwn = countingRuns(setConvKernel, pointwise, ownConvolution);

  const layer = (inputs: number, outputs: number, kernelSize: Pair = 1, options: ConvOptions<Pair> = {}) =>
    new Conv2d(inputs, outputs, kernelSize, { ...options, bias: false });

  test("runs on it for 1×1 windows in channels_last, else on libtorch's", () => {
    const x = channelsLast(randn([1, 24, 6, 7]));
    assert.ok(isOwn(layer(24, 8), x));
    assert.ok(isOwn(layer(24, 136, [1, 1], { stride: [1, 1], padding: [0, 0] }), x));
    assert.ok(!isOwn(layer(24, 8), contiguous(x)));
    assert.ok(!isOwn(layer(24, 24, 1, { groups: 3 }), x));
    assert.ok(!isOwn(layer(24, 8, 1, { stride: 2 }), x));
    assert.ok(!isOwn(layer(24, 8, 1, { padding: 1 }), x));
    assert.ok(!isOwn(layer(24, 8, [3, 1]), x));
    assert.ok(!isOwn(layer(24, 12), x), "no multiple of 8");
    assert.ok(!isOwn(layer(12, 8), channelsLast(randn([1, 12, 6, 7]))), "no multiple of 8");
    assert.ok(!isOwn(layer(24, 16384), x), "many weights");
  });

  test("who records the operators sees libtorch's", () => {
    const convolution = layer(24, 16);
    const x = channelsLast(randn([1, 24, 6, 7]));
    const names: string[] = [];
    recordCalls(
      ({ name }) => names.push(name),
      () => assert.ok(!isOwn(convolution, x)),
    );
    assert.deepEqual(names, ["aten::conv2d"]);
  });

  test("autocast computes in bfloat16 with sums in float32, and the weights' gradient is not rounded", () =>
    scope(() => {
      const convolution = layer(24, 16);
      const x = channelsLast(randn([3, 24, 6, 7]));
      const { weight } = convolution;
      assert.ok(
        autocast("bfloat16", () => isOwn(convolution, x)),
        "runs on libtorch's",
      );
      const y = autocast("bfloat16", () => convolution.forward(x));
      assert.equal(y.dtype, "bfloat16");
      const [dw] = grad([sum(cast(mul(y, y), { dtype: "float32" }))], [weight]) as [Tensor];
      const rounded = cast(cast(dw, { dtype: "bfloat16" }), { dtype: "float32" });
      assert.notDeepEqual(dw.toTypedArray(), rounded.toTypedArray());
      const wide = bfloat16Operands({ x, weight });
      const expected = theirs(cast(wide.x, { dtype: "float32" }), wide.weight);
      const actual = cast(y, { dtype: "float32" }).toTypedArray() as Float32Array;
      for (const [i, value] of (expected.toTypedArray() as Float32Array).entries()) {
        const off = Math.abs((actual[i] as number) - value);
        assert.ok(off <= Math.abs(value) / 256 + 1e-6, `output ${i} is ${actual[i]}, not ${value}`);
      }
    }));
});
