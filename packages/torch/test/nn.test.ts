import assert from "node:assert/strict";
import { test } from "node:test";
import * as t from "@pea/torch";
import {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AvgPool1d,
  AvgPool2d,
  BatchNorm1d,
  BatchNorm2d,
  ChannelShuffle,
  Conv1d,
  Conv2d,
  ConvTranspose1d,
  ConvTranspose2d,
  Dropout,
  Dropout2d,
  ELU,
  Flatten,
  GELU,
  Hardsigmoid,
  Hardswish,
  Hardtanh,
  Identity,
  LayerNorm,
  LeakyReLU,
  Linear,
  MaxPool1d,
  MaxPool2d,
  Mish,
  Module,
  ModuleList,
  onForward,
  PixelShuffle,
  PixelUnshuffle,
  PReLU,
  ReflectionPad2d,
  ReLU,
  ReLU6,
  ReplicationPad2d,
  Sequential,
  Sigmoid,
  SiLU,
  Softmax,
  Tanh,
  TanhGELU,
  type Tensor,
  TorchError,
  Upsample,
  ZeroPad2d,
} from "@pea/torch";
import { fill, type OracleCase, oracleCase, parameterGradients, testAgainstPython } from "./oracle.ts";

/** Compares a layer's output, gradients and buffers after some forward passes with those of PyTorch's layer. */
function layerCase(python: string, shape: number[], make: () => Module, passes = 1): OracleCase<string> {
  return oracleCase({
    name: python,
    inputs: { x: shape },
    python: `m = fill(nn.${python})
for _ in range(${passes}): y = m(x)
output = [y, *parameter_gradients(y, m), *m.buffers()]`,
    run: ({ x }, dtype) => {
      const module = fill(make(), dtype);
      let y = module.forward(x);
      for (let pass = 1; pass < passes; pass++) y = module.forward(x);
      return [y, ...parameterGradients(y, module), ...module.namedBuffers().values()];
    },
  });
}

const image = [2, 4, 9, 11];

testAgainstPython([
  layerCase(
    "Conv1d(4, 6, 3, stride=2, padding=1)",
    [2, 4, 12],
    () => new Conv1d(4, 6, 3, { stride: 2, padding: 1 }),
  ),
  layerCase(
    "Conv2d(4, 6, 3, stride=2, padding=1, bias=False)",
    image,
    () => new Conv2d(4, 6, 3, { stride: 2, padding: 1, bias: false }),
  ),
  layerCase(
    "Conv2d(4, 8, (3, 1), padding=(2, 0), dilation=(2, 1), groups=2)",
    image,
    () => new Conv2d(4, 8, [3, 1], { padding: [2, 0], dilation: [2, 1], groups: 2 }),
  ),
  layerCase(
    "ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1)",
    image,
    () => new ConvTranspose2d(4, 6, 3, { stride: 2, padding: 1, outputPadding: 1 }),
  ),
  layerCase("Linear(7, 5)", [2, 3, 7], () => new Linear(7, 5)),
  layerCase("Linear(7, 5, bias=False)", [4, 7], () => new Linear(7, 5, { bias: false })),
  layerCase("BatchNorm1d(6)", [8, 6], () => new BatchNorm1d(6), 3),
  layerCase("BatchNorm1d(6, momentum=0.3)", [4, 6, 5], () => new BatchNorm1d(6, { momentum: 0.3 })),
  layerCase("BatchNorm2d(4, eps=1e-3)", image, () => new BatchNorm2d(4, { eps: 1e-3 }), 3),
  layerCase("BatchNorm2d(4).eval()", image, () => new BatchNorm2d(4).eval()),
  layerCase(
    "Sequential(nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2), nn.Flatten())",
    image,
    () => new Sequential(new MaxPool2d(3, { stride: 2, padding: 1 }), new AvgPool2d(2), new Flatten()),
  ),
  layerCase("AdaptiveAvgPool2d((2, 3))", image, () => new AdaptiveAvgPool2d([2, 3])),
  layerCase("Sequential(nn.Dropout(0.5), nn.Dropout2d(0.5), nn.Identity()).eval()", image, () =>
    new Sequential(new Dropout(0.5), new Dropout2d(0.5), new Identity()).eval(),
  ),
  layerCase(
    "ConvTranspose1d(4, 6, 3, stride=2, padding=1, output_padding=1, bias=False)",
    [2, 4, 7],
    () => new ConvTranspose1d(4, 6, 3, { stride: 2, padding: 1, outputPadding: 1, bias: false }),
  ),
  layerCase("LayerNorm(11, eps=1e-3)", image, () => new LayerNorm(11, { eps: 1e-3 })),
  layerCase("LayerNorm((9, 11))", image, () => new LayerNorm([9, 11])),
  layerCase("PReLU()", image, () => new PReLU()),
  layerCase("PReLU(4)", image, () => new PReLU({ numParameters: 4 })),
  layerCase("LeakyReLU(0.2)", [50], () => new LeakyReLU({ negativeSlope: 0.2 })),
  layerCase("Hardtanh(-0.5, 0.25)", [50], () => new Hardtanh({ min: -0.5, max: 0.25 })),
  layerCase("Softmax(1)", image, () => new Softmax(1)),
  layerCase(
    "Sequential(nn.MaxPool1d(3, 2, 1), nn.AvgPool1d(2), nn.AdaptiveAvgPool1d(2))",
    [2, 4, 13],
    () =>
      new Sequential(new MaxPool1d(3, { stride: 2, padding: 1 }), new AvgPool1d(2), new AdaptiveAvgPool1d(2)),
  ),
  layerCase(
    "Sequential(nn.ReflectionPad2d((1, 2, 0, 3)), nn.ReplicationPad2d(2), nn.ZeroPad2d((0, 0, 1, 2)))",
    image,
    () =>
      new Sequential(new ReflectionPad2d([1, 2, 0, 3]), new ReplicationPad2d(2), new ZeroPad2d([0, 0, 1, 2])),
  ),
  layerCase(
    "Sequential(nn.PixelShuffle(2), nn.Upsample(scale_factor=2), nn.PixelUnshuffle(2))",
    image,
    () => new Sequential(new PixelShuffle(2), new Upsample({ scaleFactor: 2 }), new PixelUnshuffle(2)),
  ),
  layerCase(
    "Upsample((4, 20), mode='bilinear', align_corners=True)",
    image,
    () => new Upsample({ size: [4, 20], mode: "bilinear", alignCorners: true }),
  ),
  oracleCase({
    name: "ChannelShuffle",
    inputs: { x: image },
    // PyTorch 1.13's own has no derivative.
    python: "nn.Unflatten(1, (2, 2))(x).transpose(1, 2).flatten(1, 2)",
    run: ({ x }) => new ChannelShuffle(2).forward(x),
  }),
  layerCase("Upsample(20)", [2, 4, 9], () => new Upsample({ size: 20 })),
  ...Object.entries({ Sigmoid, Hardsigmoid, Hardswish, Tanh }).map(([name, Layer]) =>
    layerCase(`${name}()`, [50], () => new Layer()),
  ),
  ...Object.entries({ ReLU, ReLU6, GELU, SiLU, Mish, ELU }).map(([name, Activation]) =>
    layerCase(`${name}()`, [50], () => new Activation()),
  ),
  layerCase("GELU(approximate='tanh')", [50], () => new GELU({ approximate: "tanh" })),
  layerCase("GELU(approximate='tanh')", [50], () => new TanhGELU()),
]);

class Block extends Module {
  readonly conv = new Conv2d(3, 4, 3, { bias: false });
  readonly bn = new BatchNorm2d(4);
  relu: Module = new ReLU();

  forward(x: Tensor): Tensor {
    return this.relu.forward(this.bn.forward(this.conv.forward(x)));
  }
}

class Net extends Module {
  readonly features = new Sequential(new Block(), new Identity());
  readonly head = new Linear(4, 2);

  forward(x: Tensor): Tensor {
    return this.head.forward(t.mean(this.features.forward(x), { dim: [2, 3] }));
  }
}

const keys = [
  "features.0.conv.weight",
  "features.0.bn.weight",
  "features.0.bn.bias",
  "features.0.bn.running_mean",
  "features.0.bn.running_var",
  "features.0.bn.num_batches_tracked",
  "head.weight",
  "head.bias",
];

test("state dict: PyTorch's keys in PyTorch's order", () => {
  const net = new Net();
  assert.deepEqual([...net.stateDict().keys()], keys);
  assert.deepEqual(
    [...net.namedParameters().keys()],
    keys.filter((key) => !/running|tracked/.test(key)),
  );
  assert.deepEqual(
    [...net.namedBuffers().keys()],
    keys.filter((key) => /running|tracked/.test(key)),
  );
  assert.ok(net.parameters().every((parameter) => parameter.requiresGrad && parameter.isLeaf));
});

test("modules are found by path, in order", () => {
  const net = new Net();
  assert.deepEqual(
    [...net.namedModules().keys()],
    [
      "",
      "features",
      "features.0",
      "features.0.conv",
      "features.0.bn",
      "features.0.relu",
      "features.1",
      "head",
    ],
  );
  assert.equal(net.getModule("features.0.relu"), net.namedModules().get("features.0.relu"));
  assert.equal(net.getModule(""), net);
  assert.throws(() => net.getModule("features.2.relu"), /"features" holds 0, 1, not "2"/);
});

test("a list of modules has numbered keys and no forward pass", () => {
  const list = new ModuleList([new Linear(1, 2), new Linear(2, 3)]);
  assert.deepEqual([...list.stateDict().keys()], ["0.weight", "0.bias", "1.weight", "1.bias"]);
  assert.deepEqual([...list].map(String), ["Linear(1, 2)", "Linear(2, 3)"]);
  assert.throws(() => list.forward(), TorchError);
});

test("replaceModule takes effect in the forward pass", () => {
  const net = new Net().eval();
  const x = t.randn([1, 3, 5, 5]);
  const before = net.forward(x).toNestedArray();
  const relu = net.replaceModule("features.0.relu", new Mish());
  assert.ok(relu instanceof ReLU);
  assert.notDeepEqual(net.forward(x).toNestedArray(), before);
  net.replaceModule("features.0.relu", relu);
  assert.deepEqual(net.forward(x).toNestedArray(), before);
  assert.throws(() => net.replaceModule("features.0.gelu", relu), /holds conv, bn, relu, not "gelu"/);
  assert.throws(() => net.replaceModule("", relu), TorchError);
});

test("train and eval reach all modules", () => {
  const net = new Net();
  assert.equal(net.eval(), net);
  assert.ok([...net.namedModules().values()].every((module) => !module.training));
  net.train();
  assert.ok([...net.namedModules().values()].every((module) => module.training));
});

test("hooks see every forward pass until taken away", () => {
  const net = new Net().eval();
  const seen: string[] = [];
  const unhook = ["features.0.relu", "features", "features"].map((path) =>
    onForward(net.getModule(path), (input, output) => seen.push(`${path} ${input.shape} ${output.shape}`)),
  );
  const x = t.randn([1, 3, 5, 5]);
  net.forward(x);
  const outer = "features 1,3,5,5 1,4,3,3";
  assert.deepEqual(seen, ["features.0.relu 1,4,3,3 1,4,3,3", outer, outer]);
  unhook[1]?.();
  net.forward(x);
  assert.equal(seen.length, 5);
  for (const take of unhook) take();
  net.forward(x);
  assert.equal(seen.length, 5);
});

test("loading copies values in place", () => {
  const [source, target] = [new Net(), new Net()];
  const weight = target.head.weight;
  assert.deepEqual(target.loadStateDict(source.stateDict()), { missing: [], unexpected: [] });
  assert.equal(target.head.weight, weight);
  assert.deepEqual(weight.toNestedArray(), source.head.weight.toNestedArray());
  assert.ok(!weight.isSame(source.head.weight));
});

/** A state dict with something before every key. */
const prefixed = (prefix: string, state: ReadonlyMap<string, t.Tensor>) =>
  new Map([...state].map(([key, value]) => [prefix + key, value]));

for (const prefix of ["module.", "model.", "_orig_mod.", "model._orig_mod.module."])
  test(`loading sees through ${prefix} before all keys`, () => {
    const [source, target] = [new Net(), new Net()];
    target.loadStateDict(prefixed(prefix, source.stateDict()));
    assert.deepEqual(target.head.weight.toNestedArray(), source.head.weight.toNestedArray());
  });

test("loading does without num_batches_tracked", () => {
  const [source, target] = [new Net(), new Net()];
  target.loadStateDict(
    new Map([...source.stateDict()].filter(([key]) => !key.endsWith("num_batches_tracked"))),
  );
  assert.deepEqual(target.head.weight.toNestedArray(), source.head.weight.toNestedArray());
});

test("a module whose own keys begin as a wrapper's takes them as they are, and those of one more wrapper", () => {
  class Wrapped extends t.Module {
    readonly model = new Net();
    readonly head = new t.Linear(2, 2);
    forward(x: t.Tensor) {
      return this.head.forward(this.model.forward(x));
    }
  }
  const [source, target] = [new Wrapped(), new Wrapped()];
  const state = prefixed("model.", source.model.stateDict());
  assert.deepEqual(target.loadStateDict(state, { strict: false }), {
    missing: ["head.weight", "head.bias"],
    unexpected: [],
  });
  assert.deepEqual(target.model.head.weight.toNestedArray(), source.model.head.weight.toNestedArray());
  target.loadStateDict(prefixed("model.", source.stateDict()));
  assert.deepEqual(target.head.weight.toNestedArray(), source.head.weight.toNestedArray());
});

test("a prefix that keeps keys from fitting is named, and of many keys a few", () => {
  const net = new Net();
  const others = prefixed("backbone.", net.stateDict()).set("loss.weight", t.zeros([1]));
  const refuses = (module: Module, state: ReadonlyMap<string, t.Tensor>, lines: string[]) =>
    assert.throws(
      () => module.loadStateDict(state),
      (error: Error) => {
        assert.deepEqual(error.message.split("\n").slice(1), lines);
        return true;
      },
    );
  const first = keys.slice(0, 5);
  refuses(net, others, [
    `missing keys (7): ${first.join(", ")}, … and 2 more`,
    `unexpected keys (9): ${first.map((key) => `backbone.${key}`).join(", ")}, … and 4 more`,
    'most keys would fit without "backbone." before them',
  ]);
  refuses(new Sequential(new Net()), net.stateDict(), [
    `missing keys (7): ${first.map((key) => `0.${key}`).join(", ")}, … and 2 more`,
    `unexpected keys (8): ${first.join(", ")}, … and 3 more`,
    'most keys would fit with "0." before them',
  ]);
});

test("what does not fit is listed, and nothing is loaded", () => {
  const net = new Net();
  const before = net.head.bias?.toNestedArray();
  const state = new Map(new Net().stateDict());
  state.delete("features.0.bn.weight");
  state.set("extra", t.zeros([1]));
  state.set("head.weight", t.zeros([3, 4]));
  assert.throws(
    () => net.loadStateDict(state),
    (error) => {
      assert.ok(error instanceof TorchError);
      assert.match(error.message, /missing keys \(1\): features\.0\.bn\.weight/);
      assert.match(error.message, /unexpected keys \(1\): extra/);
      assert.match(error.message, /head\.weight: expected \[2,\s*4\], got \[3,\s*4\]/);
      return true;
    },
  );
  assert.throws(() => net.loadStateDict(state, { strict: false }), /head\.weight/);
  assert.deepEqual(net.head.bias?.toNestedArray(), before);
  state.delete("head.weight");
  assert.deepEqual(net.loadStateDict(state, { strict: false }), {
    missing: ["features.0.bn.weight", "head.weight"],
    unexpected: ["extra"],
  });
});

test("to() casts in place: floating tensors by dtype, weights of convolutions by memory format", () => {
  const net = new Net();
  const { weight } = net.getModule("features.0.conv") as Conv2d;
  net.to({ dtype: "float64", memoryFormat: "channels_last" });
  assert.equal(weight.dtype, "float64");
  assert.ok(weight.isContiguous("channels_last"));
  assert.ok(weight.requiresGrad && weight.isLeaf);
  assert.equal(net.stateDict().get("features.0.bn.num_batches_tracked")?.dtype, "int64");
  t.backward(t.sum(net.forward(t.randn([2, 3, 5, 5], { dtype: "float64" }))));
  assert.equal(weight.grad?.dtype, "float64");
});

test("to() is seen by every object that stands for a parameter, of which one was asked before", () => {
  const { bias } = new Linear(2, 3) as Linear & { bias: t.Tensor };
  const other = t.noGrad(() => t.call("aten::zero_", bias));
  assert.deepEqual([other.dtype, other.device, other.shape], ["float32", "cpu", [3]]);
  t.call("aten::set_data", bias, t.zeros([4], { dtype: "float64" }));
  assert.deepEqual([other.dtype, other.device, other.shape], ["float64", "cpu", [4]]);
});

test("parameters outlive the scope that they are made in, and dispose() frees them", () => {
  const { tensors } = t.memoryStats();
  const { net } = t.scope(() => ({ net: new Net() }));
  assert.equal(t.memoryStats().tensors, tensors + keys.length);
  t.scope(() => t.backward(t.sum(net.forward(t.randn([2, 3, 5, 5])))));
  assert.equal(t.memoryStats().tensors, tensors + keys.length);
  net.dispose();
  assert.equal(t.memoryStats().tensors, tensors);
  assert.throws(() => net.forward(t.zeros([1, 3, 5, 5])), TorchError);
});

test("a transposed convolution keeps channels_last, with the same values and gradients", () => {
  const layer = new ConvTranspose2d(4, 6, 3, { stride: 2, padding: 1, outputPadding: 1 });
  const images = t.randn([2, 4, 5, 3]);
  const run = (memoryFormat: "contiguous" | "channels_last") => {
    const x = t.contiguous(images, { memoryFormat });
    x.requiresGrad = true;
    const output = layer.forward(x);
    assert.ok(output.isContiguous(memoryFormat));
    t.backward(t.sum(t.pow(output, 2)));
    return [output, x.grad as Tensor].map((value) => value.toTypedArray());
  };
  assert.deepEqual(run("channels_last"), run("contiguous"));
});

test("a dropout of probability 0 draws no random number", () => {
  const state = () => t.getRngState().toTypedArray();
  const before = state();
  const x = t.ones([4, 4, 2, 2]);
  assert.equal(new Dropout(0).forward(x), x);
  assert.equal(new Dropout2d(0).forward(x), x);
  assert.deepEqual(state(), before);
  new Dropout(0.5).forward(x);
  assert.notDeepEqual(state(), before);
  assert.throws(() => new Dropout(1.5), /Dropout: p must be in \[0, 1\], got 1.5/);
});

test("a shape that does not fit names the layer, the expected shape and the given one", () => {
  const x = t.zeros([2, 1, 28, 28]);
  assert.throws(() => new Conv2d(3, 8, 3, { stride: 2 }).forward(x), {
    name: "TorchError",
    message: "Conv2d(3, 8, [3,3], stride: 2) expects an input of shape [N, 3, H, W], got [2, 1, 28, 28]",
  });
  assert.throws(
    () => new BatchNorm2d(8).forward(x),
    /BatchNorm2d\(8\) expects .* \[N, 8, H, W\], got \[2, 1, 28, 28\]/,
  );
  assert.throws(() => new BatchNorm1d(8).forward(x), /BatchNorm1d\(8\) expects .* \[N, 8, L\]/);
  assert.throws(
    () => new Linear(9, 2).forward(x),
    /Linear\(9, 2\) expects .* \[\.\.\., 9\], got \[2, 1, 28, 28\]/,
  );
  assert.throws(() => new MaxPool2d(2).forward(t.zeros([4])), /MaxPool2d\(2\) expects/);
  assert.throws(
    () => new Conv2d(3, 8, 3, { groups: 2 }),
    /groups must divide both channel counts, got 3 → 8 in 2/,
  );
});
