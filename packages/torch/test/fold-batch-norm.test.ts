import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BatchNorm2d,
  BatchNormAct2d,
  type BatchNormState,
  batchNormAffine,
  Conv2d,
  conv2d,
  convolutionsBeforeBatchNorm,
  foldBatchNorms,
  Mish,
  Module,
  noGrad,
  onForward,
  ReLU,
  randn,
  recordCalls,
  setBatchNormKernel,
  type Tensor,
  tensor,
  uniformInPlace,
} from "@pea/torch";

/** A residual block, and at its end a convolution whose result is read twice: by batch norm and by the sum after it. */
class Net extends Module {
  readonly conv1 = new Conv2d(3, 8, 3, { padding: 1, bias: false });
  readonly bn1: BatchNormAct2d = new BatchNormAct2d(8, { activation: () => this.relu });
  readonly relu: Module = new ReLU();
  readonly conv2 = new Conv2d(8, 8, 3, { padding: 1, groups: 2 });
  readonly bn2: BatchNormAct2d = new BatchNormAct2d(8, { activation: () => this.mish, eps: 1e-3 });
  readonly mish: Module = new Mish();
  readonly project = new Conv2d(3, 8, 1);
  readonly projectBn = new BatchNorm2d(8);
  readonly conv3 = new Conv2d(8, 8, 1);
  readonly bn3: BatchNormAct2d = new BatchNormAct2d(8, { activation: () => this.last });
  readonly last: Module = new ReLU();

  forward(x: Tensor): Tensor {
    const skip = this.projectBn.forward(this.project.forward(x));
    const hidden = this.bn1.forward(this.conv1.forward(x));
    const twice = this.conv3.forward(this.bn2.forward(this.conv2.forward(hidden), skip));
    return this.bn3.forward(twice, twice);
  }
}

function trained(): { net: Net; x: Tensor } {
  const net = new Net();
  noGrad(() => {
    for (const [name, tensor] of net.stateDict()) {
      if (/bn\d?\.(weight|running_var)$/i.test(name)) uniformInPlace(tensor, { low: 0.3, high: 3 });
      else if (/bn\d?\.(bias|running_mean)$/i.test(name)) uniformInPlace(tensor, { low: -2, high: 2 });
    }
  });
  net.eval();
  return { net, x: randn([2, 3, 9, 7]) };
}

const infer = (net: Net, x: Tensor) => noGrad(() => [...net.forward(x).toTypedArray()].map(Number));

/** The layers that still normalize by themselves in a pass. */
function normalizing(net: Net, pass: () => void): string[] {
  const names = new Map<unknown, string>([...net.namedModules()].map(([name, module]) => [module, name]));
  const seen: string[] = [];
  setBatchNormKernel((_input, state: BatchNormState) => {
    seen.push(names.get(state) ?? "?");
    return undefined;
  });
  pass();
  setBatchNormKernel(undefined);
  return seen;
}

test("a folded network computes the same within float32 rounding, and its own again afterwards", () => {
  const { net, x } = trained();
  const state = () => [...net.stateDict().values()].map((tensor) => [...tensor.toTypedArray()]);
  const stateBefore = state();
  const plain = infer(net, x);
  const unfold = foldBatchNorms(net, x);
  const folded = infer(net, x);
  const scale = Math.max(...plain.map(Math.abs));
  for (const [i, value] of folded.entries()) assert.ok(Math.abs(value - (plain[i] as number)) < 2e-6 * scale);
  assert.deepEqual(state(), stateBefore);
  unfold();
  assert.deepEqual(infer(net, x), plain);
});

test("each batch norm is folded that alone reads its convolution's result", () => {
  const { net, x } = trained();
  assert.deepEqual(
    normalizing(net, () => infer(net, x)),
    ["projectBn", "bn1", "bn2", "bn3"],
  );
  const unfold = foldBatchNorms(net, x);
  assert.deepEqual(
    normalizing(net, () => infer(net, x)),
    ["bn3"],
  );
  unfold();
});

test("nothing is folded in training, with gradients, for a recorder, and where a hook looks", () => {
  const { net, x } = trained();
  const unfold = foldBatchNorms(net, x);
  assert.equal(normalizing(net, () => net.forward(x)).length, 4, "with gradients");
  net.train();
  assert.equal(normalizing(net, () => infer(net, x)).length, 4, "in training");
  net.eval();
  const recorded: string[] = [];
  noGrad(() =>
    recordCalls(
      ({ name }) => recorded.push(name),
      () => net.forward(x),
    ),
  );
  assert.equal(recorded.filter((name) => name === "aten::batch_norm").length, 4);
  unfold();

  const unhook = onForward(net.relu, () => {});
  const unfoldNothing = foldBatchNorms(net, x);
  assert.equal(normalizing(net, () => infer(net, x)).length, 3, "bn1 runs on plain operators for the hook");
  unfoldNothing();
  unhook();
});

test("a module that convolves without a bias of its own is none that batch norm folds into", () => {
  class Own extends Module {
    readonly weight = this.parameter("weight", randn([4, 3, 1, 1]));
    override forward(x: Tensor): Tensor {
      return conv2d(x, this.weight, { bias: null });
    }
  }
  class Around extends Module {
    readonly own = new Own();
    readonly bn = new BatchNorm2d(4);
    override forward(x: Tensor): Tensor {
      return this.bn.forward(this.own.forward(x));
    }
  }
  const net = new Around();
  const x = randn([1, 3, 2, 2]);
  net.eval();
  assert.deepEqual(convolutionsBeforeBatchNorm(net, x), []);
  foldBatchNorms(net, x)();
});

test("batch norm in inference is scale · x + shift in float64, behind a convolution's bias too", () => {
  const norm = new BatchNorm2d(1, { eps: 1 });
  for (const [own, value] of [
    [norm.weight, 0.1],
    [norm.bias, 7],
    [norm.runningMean, 5],
    [norm.runningVar, 3],
  ] as const)
    noGrad(() => uniformInPlace(own, { low: value, high: value }));
  const gamma = Math.fround(0.1);
  const figures = (bias?: Tensor) =>
    noGrad(() =>
      Object.values(batchNormAffine(norm, bias)).flatMap((one: Tensor) => [one.dtype, one.item()]),
    );
  assert.deepEqual(figures(), ["float64", gamma / 2, "float64", 7 - (gamma / 2) * 5]);
  assert.deepEqual(figures(tensor([8])), ["float64", gamma / 2, "float64", 7 + (gamma / 2) * 3]);
});
