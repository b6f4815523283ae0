/** Batch norm and activation that a convolution computes while it loads: what comes out is neither written nor kept. */
import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { batchNormAct, type EnsembleActOptions, ensembleAct, useKernels } from "@pea/kernels";
import {
  add,
  autocast,
  BatchNorm2d,
  BatchNormAct2d,
  type BatchNormKernel,
  backward,
  ClippedReLU,
  Conv2d,
  cast,
  contiguous,
  type DType,
  deferralOf,
  getNumThreads,
  grad,
  Module,
  manualSeed,
  memoryStats,
  mul,
  noGrad,
  onForward,
  ReLU,
  randn,
  recordCalls,
  scope,
  setBatchNormKernel,
  setNumThreads,
  sum,
  type Tensor,
  type TypedArray,
} from "@pea/torch";

const skip = !useKernels() && "the kernels are not built";

class Ensemble extends Module {
  constructor(readonly ensembleActOptions: EnsembleActOptions) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return ensembleAct(x, this.ensembleActOptions);
  }
}

const ensemble = (alpha: number) => new Ensemble({ ensemble: "weighted", smooth: "gelu", alpha });

interface BlockOptions {
  stride?: number;
  act?: Module;
  pointwise?: boolean;
  dense?: boolean;
  window?: readonly [number, number];
}

/** Of dilation 2, with a bias. */
function alongOneAxis(channels: number, [height, width]: readonly [number, number]): Conv2d {
  return new Conv2d(channels, channels, [height, width], { padding: [height - 1, width - 1], dilation: 2 });
}

/** Batch norm, perhaps with an activation, and a convolution: depthwise 3×3, by default, 1×1, 3×3 over all channels, or along one axis. */
class Block extends Module {
  readonly bn: BatchNorm2d;
  readonly act: Module | undefined;
  readonly conv: Conv2d;

  constructor(
    channels: number,
    { stride = 1, act, pointwise = false, dense = false, window }: BlockOptions = {},
  ) {
    super();
    this.act = act;
    this.bn =
      act === undefined ? new BatchNorm2d(channels) : new BatchNormAct2d(channels, { activation: () => act });
    this.conv = window
      ? alongOneAxis(channels, window)
      : pointwise
        ? new Conv2d(channels, 40, 1, { bias: false })
        : new Conv2d(channels, channels, 3, {
            stride,
            padding: 1,
            groups: dense ? 1 : channels,
            bias: false,
          });
  }

  override forward(x: Tensor): Tensor {
    return this.conv.forward(this.bn.forward(x));
  }
}

const activations = {
  "no activation": () => undefined,
  ReLU: () => new ReLU(),
  "an ensemble": () => ensemble(0.5),
  "an ensemble that is ReLU alone": () => ensemble(1),
  "GELU nearer to ReLU": () => new Ensemble({ ensemble: "weighted", smooth: "gelu", alpha: 0, beta: 3 }),
  "ReLU with another slope": () => new Ensemble({ ensemble: "surrogate", smooth: "b-silu", alpha: 0 }),
  "a stochastic ensemble": () =>
    new Ensemble({ ensemble: "stochastic", smooth: "mish", alpha: 0.5, seed: 1, site: 2, step: 3 }),
  "a stochastic ensemble with a draw for a channel": () =>
    new Ensemble({ ensemble: "stochastic", smooth: "mish", alpha: 0.5, masks: "channel" }),
  "an ensemble of a ReLU cut off": () =>
    new Ensemble({ ensemble: "weighted", smooth: "gelu", alpha: 0.5, bound: 0.5 }),
  "ReLU cut off": () => new ClippedReLU(0.5),
};

/** Computes what is deferred at once, as where nothing is. */
const atOnce: BatchNormKernel = (...given) => {
  const result = batchNormAct(...given);
  if (result !== undefined) assert.ok(!result.isLeaf);
  return result;
};

const input = (shape: number[], dtype: DType = "float32") => {
  const x = contiguous(cast(randn(shape), { dtype }), { memoryFormat: "channels_last" });
  x.requiresGrad = true;
  return x;
};

interface Step {
  /** The result and the running statistics. */
  values: unknown[];
  gradients: TypedArray[];
}

/** One step of a new block. */
function step(make: () => Block, x: Tensor, kernel: BatchNormKernel): Step {
  setBatchNormKernel(kernel);
  manualSeed(1);
  const block = make().to({ dtype: x.dtype === "bfloat16" ? "float32" : x.dtype });
  const y = block.forward(x);
  const gradients = grad([sum(mul(y, y))], [x, ...block.parameters()]) as Tensor[];
  const numbers = (tensor: Tensor) =>
    (tensor.dtype === "bfloat16" ? cast(tensor, { dtype: "float32" }) : tensor).toTypedArray();
  return {
    values: [y, ...block.namedBuffers().values()].map(numbers),
    gradients: gradients.map(numbers),
  };
}

/** Gradients are the same but for the order in which batch norm's sums are taken, and in bfloat16 for what is rounded between. */
function assertSameGradients(
  actual: readonly TypedArray[],
  expected: readonly TypedArray[],
  dtype: DType,
): void {
  // A bias' gradient may be near 0 by cancellation.
  const largest = Math.max(...expected.flatMap((values) => Array.from(values as Float64Array, Math.abs)));
  for (const [i, values] of expected.entries()) {
    const tolerance = largest * (dtype === "bfloat16" ? 2 ** -6 : dtype === "float64" ? 1e-13 : 1e-5);
    for (const [j, value] of (values as Float64Array).entries()) {
      const other = (actual[i] as Float64Array)[j] as number;
      assert.ok(Math.abs(other - value) <= tolerance, `gradient ${i} has ${other} and not ${value} at ${j}`);
    }
  }
}

describe("batch norm with an activation, read by a convolution", { skip }, () => {
  afterEach(() => setBatchNormKernel(batchNormAct));

  test("is deferred, and gives bit for bit what it gives at once, and the same gradients", () => {
    let deferrals = 0;
    const counted: BatchNormKernel = (...given) => {
      const result = batchNormAct(...given);
      if (result !== undefined && deferralOf(result) !== undefined) deferrals++;
      return result;
    };
    let cases = 0;
    for (const act of Object.values(activations)) {
      for (const convolution of [{ stride: 1 }, { stride: 2 }, { pointwise: true }]) {
        // Rows that fill vectors, and that do not; several parts; pixels beside each other in a row and alone.
        for (const shape of [
          [2, 8, 5, 7],
          [3, 40, 9, 1],
          [1, 24, 1, 6],
          [2, 16, 61, 53],
          [2, 1032, 3, 3],
        ]) {
          for (const dtype of ["float32", "float64", "bfloat16"] as const) {
            scope(() => {
              const make = () => new Block(shape[1] as number, { ...convolution, act: act() });
              const x = input(shape, dtype);
              const [actual, expected] = [step(make, x, counted), step(make, x, atOnce)];
              assert.deepEqual(actual.values, expected.values);
              assertSameGradients(actual.gradients, expected.gradients, dtype);
              cases++;
            });
          }
        }
      }
    }
    assert.equal(deferrals, cases);
  });

  const readers: { title: string; kind: BlockOptions; shapes: number[][] }[] = [
    {
      title: "a 3×3 convolution over all channels",
      kind: { dense: true },
      shapes: [
        [2, 64, 20, 19],
        [1, 48, 40, 33],
        [130, 32, 1, 1],
      ],
    },
    ...(
      [
        [3, 1],
        [1, 3],
      ] as const
    ).map((window) => ({
      title: `a ${window.join("×")} convolution`,
      kind: { window },
      // Several slabs of lines, and as many as there are images or fewer.
      shapes: [
        [2, 32, 30, 41],
        [40, 48, 6, 6],
      ],
    })),
  ];

  for (const { title, kind, shapes } of readers)
    test(`is read by ${title}, which wants neither gradient, one or both`, () => {
      for (const act of Object.values(activations)) {
        for (const shape of shapes) {
          for (const [ofInput, ofWeight] of [
            [true, true],
            [true, false],
            [false, true],
          ]) {
            scope(() => {
              const x = input(shape);
              const run = (kernel: BatchNormKernel) => {
                setBatchNormKernel(kernel);
                manualSeed(1);
                const block = new Block(shape[1] as number, { act: act(), ...kind });
                for (const own of block.conv.parameters()) own.requiresGrad = ofWeight;
                for (const own of block.bn.parameters()) own.requiresGrad = ofInput;
                const activated = block.bn.forward(ofInput ? x : mul(x, 1));
                const y = block.conv.forward(activated);
                // Still: nobody needed it as a whole.
                const isDeferred = deferralOf(activated) !== undefined;
                const leaves = [
                  ...(ofInput ? [x, ...block.bn.parameters()] : []),
                  ...(ofWeight ? block.conv.parameters() : []),
                ];
                const gradients = grad([sum(mul(y, y))], leaves) as Tensor[];
                return {
                  isDeferred,
                  y: y.toTypedArray(),
                  gradients: gradients.map((tensor) => tensor.toTypedArray()),
                };
              };
              const [actual, expected] = [run(batchNormAct), run(atOnce)];
              assert.deepEqual([actual.isDeferred, expected.isDeferred], [true, false]);
              assert.deepEqual(actual.y, expected.y);
              assertSameGradients(actual.gradients, expected.gradients, "float32");
            });
          }
        }
      }
    });

  test("does not depend on the number of threads", () => {
    const threadsBefore = getNumThreads();
    try {
      const x = input([3, 32, 61, 53]);
      const kinds: BlockOptions[] = [{}, { pointwise: true }, ...readers.map(({ kind }) => kind)];
      for (const kind of kinds) {
        const [one, other] = [1, 3].map((threads) => {
          setNumThreads(threads);
          return scope(() => step(() => new Block(32, { act: new ReLU(), ...kind }), x, batchNormAct));
        });
        assert.deepEqual(other, one);
      }
    } finally {
      setNumThreads(threadsBefore);
    }
  });

  test("is not in memory after the forward pass", () => {
    const held = (kernel: BatchNormKernel, dense = false) =>
      scope(() => {
        setBatchNormKernel(kernel);
        const block = new Block(32, { act: new ReLU(), dense });
        const x = input([8, 32, 64, 64]);
        const before = memoryStats().inUse;
        const y = scope(() => block.forward(x));
        return memoryStats().inUse - before - y.numel * 4;
      });
    const activationBytes = 8 * 32 * 64 * 64 * 4;
    assert.ok(held(batchNormAct) < 0.1 * activationBytes);
    assert.ok(held(batchNormAct, true) < 0.1 * activationBytes);
    assert.ok(held(atOnce) >= activationBytes);
  });

  for (const [title, sumOverRanks] of Object.entries({
    "": null,
    ", where it normalizes over ranks": (x: Tensor) => mul(x, 1),
  }))
    for (const isFirst of [true, false])
      test(`is computed for others who read it ${isFirst ? "after" : "before"} a convolution${title}; gradients of all readers add up, to the same bits in every pass`, () => {
        scope(() => {
          const x = input([2, 8, 6, 5]);
          const run = (kernel: BatchNormKernel) => {
            setBatchNormKernel(kernel);
            manualSeed(2);
            const block = new Block(8, { act: new ReLU() });
            Object.assign(block.bn, { sumOverRanks });
            return [1, 2, 3].map(() => {
              const activated = block.bn.forward(x);
              const square = isFirst ? undefined : mul(activated, activated);
              const y = add(block.conv.forward(activated), square ?? mul(activated, activated));
              const gradients = grad([sum(mul(y, y))], [x, ...block.parameters()]) as Tensor[];
              return [y, ...gradients].map((tensor) => tensor.toTypedArray());
            });
          };
          const [passes, expected] = [run(batchNormAct), run(atOnce)];
          for (const [i, pass] of passes.entries()) {
            assertSameGradients(pass, expected[i] as TypedArray[], "float32");
            assert.deepEqual(pass, passes[0], `pass ${i + 1}`);
          }
        });
      });

  test("flows back from a reader whose value was first needed without gradients", () => {
    scope(() => {
      const x = input([2, 8, 6, 5]);
      const activated = new Block(8, { act: new ReLU() }).bn.forward(x);
      noGrad(() => activated.toTypedArray());
      assert.ok(activated.requiresGrad);
      backward(sum(mul(activated, activated)));
      assert.ok(x.grad?.toTypedArray().some((value) => value !== 0));
    });
  });

  test("is computed at once without gradients, in other memory orders and numbers of channels, and with a residual", () => {
    scope(() => {
      const isDeferred = (y: Tensor) => deferralOf(y) !== undefined;
      const { bn } = new Block(8, { act: new ReLU() });
      const x = input([2, 8, 6, 5]);
      assert.ok(isDeferred(bn.forward(x)));
      assert.ok(!isDeferred(noGrad(() => bn.forward(x))));
      assert.ok(!isDeferred(bn.forward(contiguous(x))));
      assert.ok(!isDeferred(new BatchNormAct2d(8, { activation: () => new ReLU() }).forward(x, x)));
      assert.ok(!isDeferred(new Block(12).bn.forward(input([2, 12, 6, 5]))));
      assert.ok(isDeferred(bn.forward(cast(x, { dtype: "bfloat16" }))));
      const frozen = contiguous(randn([2, 8, 6, 5]), { memoryFormat: "channels_last" });
      assert.ok(!isDeferred(bn.forward(frozen)));
    });
  });

  test("who records operators or hooks the activation sees them one by one; autocast computes one of float32", () => {
    scope(() => {
      const x = input([2, 8, 6, 5]);
      const block = new Block(8, { act: new ReLU() });
      const names: string[] = [];
      recordCalls(
        ({ name }) => names.push(name),
        () => block.forward(x),
      );
      assert.deepEqual(names.slice(-3), ["aten::batch_norm", "aten::relu", "aten::conv2d"]);
      let seen = 0;
      const unhook = onForward(block.act as Module, () => seen++);
      block.forward(x);
      unhook();
      assert.equal(seen, 1);
      const activated = block.bn.forward(x);
      assert.ok(deferralOf(activated) !== undefined);
      const y = autocast("bfloat16", () => block.conv.forward(activated));
      assert.equal(y.dtype, "bfloat16");
      backward(sum(cast(y, { dtype: "float32" })));
      assert.ok(x.grad !== null);
    });
  });
});
