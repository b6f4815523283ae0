/** The layers of @pea/torch on the fused operator: what it computes, and where plain operators must be seen. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  batchNormAct,
  type EnsembleActModule,
  type EnsembleActOptions,
  ensembleAct,
  useKernels,
} from "@pea/kernels";
import {
  autocast,
  BatchNorm1d,
  BatchNorm2d,
  BatchNormAct2d,
  backward,
  Conv2d,
  cast,
  clone,
  contiguous,
  type DType,
  ELU,
  GELU,
  grad,
  Hardswish,
  Mish,
  Module,
  manualSeed,
  memoryStats,
  noGrad,
  onForward,
  ReLU,
  ReLU6,
  randn,
  recordCalls,
  SiLU,
  scope,
  setBatchNormKernel,
  silu,
  type Tensor,
} from "@pea/torch";

type Smooth = EnsembleActOptions["smooth"];
type Kind = EnsembleActOptions["ensemble"];

/** Without site and step, which have defaults. */
class Ensemble extends Module implements EnsembleActModule {
  constructor(
    readonly ensemble: Kind,
    readonly smooth: Smooth,
    readonly alpha: number,
  ) {
    super();
  }

  get ensembleActOptions() {
    const { ensemble, smooth, alpha } = this;
    return { ensemble, smooth, alpha, seed: 5 };
  }

  forward(x: Tensor): Tensor {
    return ensembleAct(x, this.ensembleActOptions);
  }
}

const CHANNELS = 5;
const shape = [4, CHANNELS, 6, 7];

function layer(activation: Module, dtype: DType = "float32"): BatchNormAct2d {
  return new BatchNormAct2d(CHANNELS, { activation: () => activation }).to({ dtype });
}

/** How often the layers were offered to the kernel, and how often it did the work. */
let offered = 0;
let fused = 0;

/** Whether the layer's forward pass runs on the fused operator. */
function isFused(module: Module, ...inputs: Tensor[]): boolean {
  const before = fused;
  scope(() => {
    module.forward(...inputs);
  });
  return fused > before;
}

/** Output, gradients and the layer's state by name, in float64, of two passes in training or inference. */
function results(module: BatchNorm2d, inputs: readonly Tensor[], training: boolean): Map<string, Tensor> {
  const leaves = inputs.map((input) => {
    const leaf = clone(input);
    leaf.requiresGrad = true;
    return leaf;
  });
  module.train(training).forward(...(leaves as [Tensor]));
  const y = module.forward(...(leaves as [Tensor]));
  const gradients = grad([y], [...leaves, module.weight, module.bias], { gradients: [directionOf(y)] });
  return new Map([
    ["y", y],
    ...gradients.map((gradient, i) => [`gradient ${i}`, gradient as Tensor] as const),
    ...module.namedBuffers(),
  ]);
}

/** The same for every y of a shape, so that two gradients can be compared. */
function directionOf(y: Tensor): Tensor {
  manualSeed(11);
  return cast(randn(y.shape), { dtype: y.dtype });
}

const numbers = (x: Tensor) => cast(x, { dtype: "float64" }).toTypedArray() as Float64Array;

/** Largest difference, relative to the largest element. */
function difference(actual: Tensor, expected: Tensor): number {
  const [a, b] = [numbers(actual), numbers(expected)];
  const scale = Math.max(...b.map(Math.abs), Number.MIN_VALUE);
  return Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number)))) / scale;
}

const bytes = (x: Tensor) => Buffer.from(x.toBytes());

describe("batch normalization layers", { skip: !useKernels() && "the kernels are not built" }, () => {
  before(() =>
    setBatchNormKernel((...given) => {
      const result = batchNormAct(...given);
      offered++;
      if (result !== undefined) fused++;
      return result;
    }),
  );
  after(() => setBatchNormKernel(batchNormAct));

  const plain: Record<string, () => Module> = {
    ReLU: () => new ReLU(),
    GELU: () => new GELU(),
    SiLU: () => new SiLU(),
    Mish: () => new Mish(),
    ELU: () => new ELU(),
    Hardswish: () => new Hardswish(),
    "GELU by tanh": () => new GELU({ approximate: "tanh" }),
    "an ensemble": () => new Ensemble("stochastic", "mish", 0.5),
  };

  for (const [name, create] of Object.entries(plain)) {
    test(`with ${name}: one operator gives what plain ones give`, () =>
      scope(() => {
        for (const dtype of ["float32", "float64"] as const) {
          manualSeed(3);
          const x = contiguous(randn(shape, { dtype }), { memoryFormat: "channels_last" });
          for (const inputs of [[x], [x, randn(shape, { dtype })]]) {
            for (const training of [true, false]) {
              const compute = (watched: boolean) => {
                const activation = create();
                if (watched) onForward(activation, () => {});
                return results(layer(activation, dtype), inputs, training);
              };
              const before = fused;
              const actual = compute(false);
              assert.equal(fused, before + 2);
              const expected = compute(true);
              assert.equal(fused, before + 2);
              assert.deepEqual([...actual.keys()], [...expected.keys()]);
              for (const [key, value] of expected) {
                const differs = difference(actual.get(key) as Tensor, value);
                assert.ok(differs <= (dtype === "float32" ? 3e-6 : 1e-12), `${key} differs by ${differs}`);
              }
            }
          }
        }
      }));
  }

  test("BatchNorm1d and BatchNorm2d run on it too", () => {
    assert.ok(isFused(new BatchNorm2d(CHANNELS), randn(shape)));
    assert.ok(isFused(new BatchNorm1d(CHANNELS), randn([3, CHANNELS])));
  });

  for (const ensemble of ["weighted", "stochastic"] as const) {
    test(`a ${ensemble} ensemble at α = 0 and α = 1 is the smooth activation and ReLU, bit by bit`, () =>
      scope(() => {
        manualSeed(1);
        const inputs = [randn(shape), randn(shape)];
        const smoothModules = {
          ...{ gelu: new GELU(), swish: new SiLU(), mish: new Mish(), elu: new ELU() },
          ...{ hardswish: new Hardswish(), "gelu-tanh": new GELU({ approximate: "tanh" }) },
        };
        for (const [smooth, module] of Object.entries(smoothModules)) {
          for (const [alpha, alone] of [[0, module] as const, [1, new ReLU()] as const]) {
            const of = (activation: Module) => results(layer(activation), inputs, true);
            const actual = of(new Ensemble(ensemble, smooth as Smooth, alpha));
            for (const [key, value] of of(alone))
              assert.deepEqual(bytes(actual.get(key) as Tensor), bytes(value), key);
          }
        }
      }));
  }

  test("a hook on the activation sees its input, and the fused operator is back without it", () => {
    const relu = new ReLU();
    const site = layer(relu);
    const x = randn(shape);
    const seen: (readonly number[])[] = [];
    const unhook = onForward(relu, (input) => seen.push(input.shape));
    assert.ok(!isFused(site, x));
    assert.deepEqual(seen, [shape]);
    unhook();
    assert.ok(isFused(site, x));
    assert.equal(seen.length, 1);
  });

  test("a hook on the layer itself does not stand in the way", () => {
    const site = layer(new ReLU());
    let calls = 0;
    onForward(site, () => calls++);
    assert.ok(isFused(site, randn(shape)));
    assert.equal(calls, 1);
  });

  test("recordCalls sees each step", () => {
    const names: string[] = [];
    const site = layer(new Ensemble("weighted", "gelu", 0.5)).eval();
    const x = randn(shape);
    const before = offered;
    recordCalls(
      ({ name }) => names.push(name),
      () => scope(() => void noGrad(() => site.forward(x, x))),
    );
    assert.deepEqual(names, ["aten::batch_norm", "aten::add.Tensor", "pea::ensemble_act"]);
    assert.equal(offered, before);
  });

  test("an ensemble with a function of plain operators: plain, but for α = 1, where it is ReLU", () => {
    const [x, residual] = [randn(shape), randn(shape)];
    const at = (alpha: number) => layer(new Ensemble("weighted", silu, alpha));
    assert.deepEqual(
      [0, 0.5, 1].map((alpha) => isFused(at(alpha), x)),
      [false, false, true],
    );
    const relu = results(layer(new ReLU()), [x, residual], true);
    for (const [key, value] of results(at(1), [x, residual], true))
      assert.deepEqual(bytes(value), bytes(relu.get(key) as Tensor), key);
  });

  test("an activation without kernel, a subclass of one that has, other dtypes and a residual that broadcasts: plain", () => {
    class Leaky extends ReLU {}
    const x = randn(shape);
    assert.ok(!isFused(layer(new ReLU6()), x));
    assert.ok(!isFused(layer(new Leaky()), x));
    assert.ok(!isFused(layer(new ReLU(), "bfloat16"), cast(x, { dtype: "bfloat16" })));
    assert.ok(!isFused(layer(new ReLU()), x, randn([1, CHANNELS, 1, 1])));
    assert.ok(!isFused(layer(new ReLU()), x, randn(shape, { dtype: "float64" })));
  });

  test("autocast to bfloat16: the convolution's bfloat16 goes in and out, parameters stay float32", () =>
    scope(() => {
      manualSeed(2);
      const conv = new Conv2d(3, CHANNELS, 3, { padding: 1, bias: false });
      const x = randn([4, 3, 6, 7]);
      const residual = randn(shape);
      const run = (watched: boolean, shortcut?: Tensor) => {
        // Without ReLU's kink, which the plain operators' rounding in between carries elements across.
        const activation = new SiLU();
        if (watched) onForward(activation, () => {});
        const site = layer(activation);
        const before = fused;
        const y = autocast("bfloat16", () => site.forward(conv.forward(x), shortcut));
        assert.equal(fused > before, !watched && shortcut?.dtype !== "float32");
        conv.weight.grad = null;
        backward(y, { gradient: directionOf(y) });
        const gradients = [conv.weight.grad, site.weight.grad, site.bias.grad].map((g) => clone(g as Tensor));
        return [y, ...gradients, site.runningMean, site.runningVar] as const;
      };
      for (const shortcut of [undefined, cast(residual, { dtype: "bfloat16" })]) {
        const actual = run(false, shortcut);
        const expected = run(true, shortcut);
        assert.deepEqual(
          actual.map(({ dtype }) => dtype),
          ["bfloat16", "float32", "float32", "float32", "float32", "float32"],
        );
        for (const [i, value] of expected.entries()) {
          const differs = difference(actual[i] as Tensor, value);
          assert.ok(differs < 0.02, `result ${i} differs by ${differs}`);
        }
      }
      assert.equal(run(false, residual)[0].dtype, "float32");
    }));

  test("in training one value per channel has no variance: an error that names the layer, and no step is counted", () => {
    const site = layer(new ReLU());
    const x = randn([1, CHANNELS, 1, 1]);
    const message = /BatchNormAct2d.*needs more than one value per channel.*\[1, 5, 1, 1\].*eval\(\)/;
    assert.throws(() => site.forward(x), { name: "TorchError", message });
    assert.equal(site.numBatchesTracked.item(), 0);
    assert.ok(isFused(site.eval(), x));
  });

  test("leaves nothing behind but its result", () => {
    const site = layer(new Ensemble("stochastic", "elu", 0.5));
    const x = randn(shape);
    const { tensors } = memoryStats();
    const y = scope(() => site.forward(x, x));
    assert.equal(memoryStats().tensors, tensors + 1);
    y.dispose();
  });
});
