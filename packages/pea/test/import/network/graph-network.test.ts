import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Graph, mergePads } from "@pea/graph";
import { compactMaxPool2d, useKernels } from "@pea/kernels";
import {
  add,
  BatchNorm2d,
  BatchNormAct2d,
  backward,
  Conv2d,
  crossEntropyLoss,
  Linear,
  Module,
  manualSeed,
  matmul,
  memoryStats,
  mul,
  noGrad,
  permute,
  ReLU,
  randn,
  relu,
  SGD,
  scope,
  setMaxPoolKernel,
  sub,
  sum,
  type Tensor,
  tensor,
} from "@pea/torch";
import { GraphNetwork } from "../../../src/import/network/graph-network.ts";
import { applyPea } from "../../../src/methods/pea/index.ts";
import { createModel } from "../../../src/models/index.ts";
import { traceNetwork } from "../../../src/trace/trace.ts";

useKernels();

const shape = [3, 32, 32] as const;
const networks = [
  { name: "resnet18-small", options: {} },
  // With max pooling.
  { name: "resnet18", options: { width: 0.125 } },
  { name: "mobilenet-0.25-small", options: { dropout: 0 } },
  { name: "mobilenet-0.25-small", options: { dropout: 0, padding: "same", activation: "relu6" } },
  { name: "erfnet-segmentation", options: { dropout: [0, 0, 0] } },
];

const bytesOf = (value: Tensor) => Buffer.from((value.toTypedArray() as Float32Array).buffer);

/** Bit for bit. */
function assertSame(actual: Tensor, expected: Tensor): void {
  assert.deepEqual(actual.shape, expected.shape);
  assert.ok(bytesOf(actual).equals(bytesOf(expected)), "the elements differ");
}

/** Zeros are a part of the convolution that reads them, in the network and, as in every import, in the graph. */
function built(name: string, options: object): { model: Module; network: GraphNetwork } {
  manualSeed(1);
  const model = createModel(name, { inputChannels: 3, classes: 10, ...options });
  return { model, network: new GraphNetwork(mergePads(traceNetwork(model, shape).graph)) };
}

/** Losses of three steps, and the weights after them. */
function trained(model: Module): { losses: number[]; weights: Map<string, Buffer> } {
  manualSeed(2);
  model.train().to({ memoryFormat: "channels_last" });
  const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
  const losses = [0, 1, 2].map(() =>
    scope(() => {
      const answers = model.forward(randn([4, ...shape]));
      const loss = crossEntropyLoss(answers, labelsOf(answers));
      backward(loss);
      optimizer.step();
      optimizer.zeroGrad();
      return loss.item();
    }),
  );
  return { losses, weights: new Map([...model.stateDict()].map(([key, value]) => [key, bytesOf(value)])) };
}

/** A class for each image, or each pixel. */
function labelsOf({ shape: [images = 0, , ...pixels] }: Tensor): Tensor {
  const shape = [images, ...pixels];
  const count = shape.reduce((a, b) => a * b, 1);
  return tensor(
    BigInt64Array.from({ length: count }, (_, i) => BigInt(i % 10)),
    { shape },
  );
}

for (const { name, options } of networks) {
  const title = [name, ...Object.values(options)].join(" ");

  test(`${title}: from its graph comes a network of the same keys and, bit for bit, the same answers`, () => {
    const { model, network } = built(name, options);
    assert.deepEqual([...network.stateDict().keys()].sort(), [...model.stateDict().keys()].sort());
    const images = randn([2, ...shape]);
    model.eval();
    network.eval();
    noGrad(() => assertSame(network.forward(images), model.forward(images)));
  });

  test(`${title}: three training steps give the same losses and weights, bit for bit`, () => {
    const { model, network } = built(name, options);
    const [expected, actual] = [trained(model), trained(network)];
    assert.deepEqual(actual.losses, expected.losses);
    for (const [key, bytes] of expected.weights)
      assert.ok(actual.weights.get(key)?.equals(bytes), `${key} differs`);
  });
}

test("a batch of any size passes", () => {
  const { network } = built("resnet18-small", {});
  network.eval();
  for (const count of [1, 2, 7])
    assert.deepEqual(network.forward(randn([count, ...shape])).shape, [count, 10]);
});

test("each ReLU stands at a site of its own, where PEA takes its place", () => {
  const { model, network } = built("resnet18-small", {});
  const settings = { ensemble: "weighted", smooth: "gelu", seed: 1 } as const;
  const [expected, handle] = [applyPea(model, settings), applyPea(network, settings)];
  assert.equal(handle.sites.length, expected.sites.length);
  expected.alpha = 0.4;
  handle.alpha = 0.4;
  const [one, other] = [trained(model), trained(network)];
  assert.deepEqual(other.losses, one.losses);
});

test("batch normalization, residual and activation are one module, as in the networks that are there", () => {
  const { model, network } = built("resnet18-small", {});
  const fused = (net: Module) =>
    [...net.namedModules().values()].filter((m) => m instanceof BatchNormAct2d).length;
  assert.equal(fused(network), fused(model));
});

test("what a forward pass makes on the way is freed, in training too", () => {
  const { network } = built("resnet18-small", {});
  const images = randn([1, ...shape]);
  for (const run of [() => network.forward(images), () => noGrad(() => network.forward(images))]) {
    scope(run).dispose();
    const before = memoryStats().tensors;
    for (let i = 0; i < 3; i++) scope(run).dispose();
    assert.equal(memoryStats().tensors, before);
  }
  const before = memoryStats().tensors;
  const output = network.forward(images);
  assert.equal(memoryStats().tensors, before + 1);
  output.dispose();
});

test("layers that share their weights are one module", () => {
  class Twice extends Module {
    readonly conv = new Conv2d(3, 3, 3, { padding: 1 });
    override forward(x: Tensor): Tensor {
      return this.conv.forward(this.conv.forward(x));
    }
  }
  const model = new Twice();
  const network = new GraphNetwork(traceNetwork(model, shape).graph);
  assert.deepEqual([...network.stateDict().keys()], ["conv.weight", "conv.bias"]);
  const images = randn([1, ...shape]);
  assertSame(network.forward(images), model.forward(images));
  const [expected, actual] = [model, network].map((each) => {
    backward(sum(each.forward(images)));
    return each.getModule("conv").namedParameters().get("weight")?.grad as Tensor;
  });
  assertSame(actual as Tensor, expected as Tensor);
});

const constant = (values: number[], of: number[]) => ({ shape: of, data: Float32Array.from(values) });
const node = (operator: string, inputs: string[], output: string, attributes = {}, path = "") => ({
  operator,
  inputs,
  outputs: [output],
  attributes,
  path,
});
const graphOf = (nodes: Graph["nodes"], constants: Record<string, ReturnType<typeof constant>>): Graph => ({
  inputs: [{ name: "images", shape: ["batch", 2, 4, 4] }],
  outputs: [nodes.at(-1)?.outputs[0] as string],
  nodes,
  constants: new Map(Object.entries(constants)),
});

describe("names where a file has none:", () => {
  const weight = constant(new Array(4).fill(0.5), [2, 2, 1, 1]);

  test("by structure, below the module that the file knows", () => {
    const graph = graphOf(
      [
        node("Conv", ["images", "onnx::Conv_1"], "a", {}, "block"),
        node("Relu", ["a"], "b", {}, "block"),
        node("Conv", ["b", "onnx::Conv_2"], "c", {}, "block"),
        node("Relu", ["c"], "d"),
      ],
      { "onnx::Conv_1": weight, "onnx::Conv_2": weight },
    );
    assert.deepEqual(
      [...new GraphNetwork(graph).namedModules().keys()],
      ["", "block", "block.conv", "block.relu", "block.conv_1", "relu"],
    );
  });

  test("none within a module of keys, which stand as they are", () => {
    const norm = Object.fromEntries(
      ["weight", "bias", "running_mean", "running_var"].map((name) => [
        `block.bn.${name}`,
        constant([1, 2], [2]),
      ]),
    );
    const graph = graphOf(
      [
        node("Relu", ["images"], "a", {}, "block.conv.act"),
        node("Conv", ["a", "block.conv.weight"], "b", {}, "block.conv"),
        node("BatchNormalization", ["b", ...Object.keys(norm)], "c", {}, "block.bn"),
        node("Relu", ["c"], "d", {}, "block.bn.act"),
      ],
      { "block.conv.weight": weight, ...norm },
    );
    const network = new GraphNetwork(graph);
    const keys = [...network.stateDict().keys()].filter((key) => !key.endsWith("num_batches_tracked"));
    assert.deepEqual(keys.sort(), [...graph.constants.keys()].sort());
    assert.deepEqual(
      [...network.namedModules()].flatMap(([path, module]) => (module instanceof ReLU ? [path] : [])),
      ["block.relu", "block.relu_1"],
    );
  });

  test("none that a module has for itself", () => {
    const graph = graphOf(
      [node("Conv", ["images", "train.weight"], "a"), node("Relu", ["a"], "b", {}, "eval")],
      {
        "train.weight": weight,
      },
    );
    const paths = [...new GraphNetwork(graph).namedModules().keys()];
    assert.ok(!paths.some((path) => ["train", "eval"].includes(path)), `${paths}`);
  });
});

describe("numbers that are no layer's weights:", () => {
  const weight = constant([1, 0, 0, 1], [2, 2, 1, 1]);
  const perChannel = constant([2, 3], [2, 1, 1]);

  test("a factor for each channel learns once weights lie before it; one for the images does not", () => {
    const graph = graphOf(
      [
        node("Sub", ["images", "onnx::Sub_0"], "a"),
        node("Conv", ["a", "conv.weight"], "b"),
        node("Mul", ["b", "onnx::Mul_1"], "c"),
        node("Add", ["c", "half"], "d"),
      ],
      {
        "onnx::Sub_0": perChannel,
        "conv.weight": weight,
        "onnx::Mul_1": perChannel,
        half: constant([0.5], []),
      },
    );
    const network = new GraphNetwork(graph);
    assert.deepEqual([...network.namedParameters().keys()], ["conv.weight", "mul.weight"]);
    assert.deepEqual([...network.namedBuffers().keys()], ["sub.bias"]);
    const images = randn([1, 2, 4, 4]);
    const factor = tensor([2, 3], { dtype: "float32", shape: [2, 1, 1] });
    const expected = add(mul(sub(images, factor), factor), 0.5);
    assertSame(network.forward(images), expected);
  });
});

describe("numbers that the file has under a key", () => {
  const weight = constant([1, 0, 0, 1], [2, 2, 1, 1]);
  const perChannel = constant([2, 3], [2, 1, 1]);

  test("stand under it, once, and train where others do", () => {
    const graph = graphOf(
      [
        node("Sub", ["images", "stem.mean"], "a", {}, "stem"),
        node("Conv", ["a", "block.conv.weight"], "b", {}, "block.conv"),
        node("Mul", ["b", "block.layer_scale"], "c", {}, "block"),
        node("Mul", ["block.layer_scale", "c"], "d", {}, "block"),
        node("Relu", ["d"], "e", {}, "block"),
      ],
      { "stem.mean": perChannel, "block.conv.weight": weight, "block.layer_scale": perChannel },
    );
    const network = new GraphNetwork(graph);
    assert.deepEqual([...network.namedParameters().keys()], ["block.layer_scale", "block.conv.weight"]);
    assert.deepEqual([...network.namedBuffers().keys()], ["stem.mean"]);
    assert.deepEqual([...network.namedModules().keys()].slice(1), [
      "stem",
      "block",
      "block.conv",
      "block.relu",
    ]);
    const images = randn([1, 2, 4, 4]);
    const factor = tensor([2, 3], { dtype: "float32", shape: [2, 1, 1] });
    assertSame(network.forward(images), relu(mul(factor, mul(sub(images, factor), factor))));
  });

  test("that has no dot stand at the root, beside what they are called as", () => {
    const graph = graphOf(
      [
        node("Sub", ["images", "forward"], "a"),
        node("Conv", ["a", "gamma.conv.weight"], "b", {}, "gamma.conv"),
        node("Mul", ["b", "gamma"], "c"),
      ],
      { forward: perChannel, "gamma.conv.weight": weight, gamma: perChannel },
    );
    const network = new GraphNetwork(graph);
    assert.deepEqual([...network.stateDict().keys()].sort(), ["forward", "gamma", "gamma.conv.weight"]);
    assert.deepEqual([...network.namedParameters().keys()].sort(), ["gamma", "gamma.conv.weight"]);
    const images = randn([1, 2, 4, 4]);
    const factor = tensor([2, 3], { dtype: "float32", shape: [2, 1, 1] });
    assertSame(network.forward(images), mul(sub(images, factor), factor));
  });

  test("give way to a layer that is called as they are", () => {
    const graph = graphOf(
      [
        node("Conv", ["images", "conv.weight"], "a", {}, "conv"),
        node("Mul", ["a", "conv.scale"], "b", {}, "conv"),
      ],
      { "conv.weight": weight, "conv.scale": perChannel },
    );
    assert.deepEqual([...new GraphNetwork(graph).namedParameters().keys()], ["conv.weight", "mul.weight"]);
  });
});

test("momentum and epsilon of a norm are what was written in decimals, of which a file has float32", () => {
  const [momentum, epsilon] = [Math.fround(0.9997), Math.fround(1e-3)];
  const values = ["weight", "bias", "running_mean", "running_var"].map((name) => `bn.${name}`);
  const graph = graphOf(
    [node("BatchNormalization", ["images", ...values], "a", { momentum, epsilon }, "bn")],
    Object.fromEntries(values.map((name) => [name, constant([1, 2], [2])])),
  );
  const norm = new GraphNetwork(graph).getModule("bn") as BatchNorm2d;
  assert.deepEqual([norm.momentum, norm.eps], [0.0003, 0.001]);
});

test("a batch normalization that something else reads too stays apart from its activation", () => {
  class Net extends Module {
    readonly bn = new BatchNorm2d(3);
    readonly relu = new ReLU();
    override forward(x: Tensor): Tensor {
      const normalized = this.bn.forward(x);
      return add(this.relu.forward(normalized), normalized);
    }
  }
  const model = new Net().eval();
  const network = new GraphNetwork(traceNetwork(model, shape).graph).eval();
  const images = randn([1, ...shape]);
  assertSame(network.forward(images), model.forward(images));
});

test("two computed matrices are multiplied", () => {
  const graph = graphOf(
    [
      node("Relu", ["images"], "a"),
      node("Transpose", ["a"], "b", { perm: [0, 1, 3, 2] }),
      node("MatMul", ["images", "b"], "c"),
    ],
    {},
  );
  const images = randn([2, 2, 4, 4]);
  const expected = matmul(images, permute(relu(images), [0, 1, 3, 2]));
  assertSame(new GraphNetwork(graph).forward(images), expected);
});

test("a matrix of weights over rows of an image, and the bias behind it, are a linear layer", () => {
  class Rows extends Module {
    readonly fc = new Linear(32, 5);
    override forward(x: Tensor): Tensor {
      return this.fc.forward(x);
    }
  }
  const model = new Rows();
  const { weight, bias } = model.fc;
  const graph = graphOf(
    [node("MatMul", ["images", "fc.weight"], "a", {}, "fc"), node("Add", ["fc.bias", "a"], "b", {}, "fc")],
    {
      "fc.weight": constant([...(permute(weight, [1, 0]).toTypedArray() as Float32Array)], [32, 5]),
      "fc.bias": constant([...((bias as Tensor).toTypedArray() as Float32Array)], [5]),
    },
  );
  const network = new GraphNetwork({ ...graph, inputs: [{ name: "images", shape: ["batch", 3, 32, 32] }] });
  assert.deepEqual([...network.stateDict().keys()], ["fc.weight", "fc.bias"]);
  const images = randn([2, ...shape]);
  assertSame(network.forward(images), model.forward(images));
});

describe("a matrix of weights that is read twice", () => {
  const row = (first: number) => Array.from({ length: 4 }, (_, i) => first + i);
  const matrix = Array.from({ length: 16 }, (_, i) => Math.sin(i));
  const constants = {
    "fc.weight": constant(matrix, [4, 4]),
    "fc.bias": constant(row(1), [4]),
    "other.bias": constant(row(5), [4]),
  };
  const weight = tensor(Float32Array.from(matrix), { shape: [4, 4] });
  const product = (input: Tensor) => matmul(input, weight);
  /** x w, with what is added to it, and to the result times w. */
  const twice = (first: string | null, second: string | null): Graph => {
    const added = (bias: string | null, to: string, output: string) =>
      bias === null ? [] : [node("Add", [to, bias], output, {}, output)];
    const nodes = [
      node("MatMul", ["images", "fc.weight"], "p", {}, "l1"),
      ...added(first, "p", "a"),
      node("Relu", [first === null ? "p" : "a"], "r"),
      node("MatMul", ["r", "fc.weight"], "q", {}, "l2"),
      ...added(second, "q", "b"),
    ];
    return graphOf(nodes, constants);
  };
  const images = randn([2, 2, 4, 4]);
  const sumOf = (value: Tensor, bias: string | null) =>
    bias === null ? value : add(value, tensor(constants[bias as "fc.bias"].data, { shape: [4] }));

  const cases: Record<string, [string | null, string | null, string[]]> = {
    "with two biases is one layer, and the sums are apart": [
      "fc.bias",
      "other.bias",
      ["a.bias", "fc.weight", "other.bias"],
    ],
    "with a bias once is one layer, and the sum is apart": ["fc.bias", null, ["a.bias", "fc.weight"]],
    "with a bias at its second reading is the same": [null, "fc.bias", ["b.bias", "fc.weight"]],
    "with the same bias is one layer, bias included": ["fc.bias", "fc.bias", ["fc.bias", "fc.weight"]],
  };
  for (const [title, [first, second, keys]] of Object.entries(cases))
    test(title, () => {
      const network = new GraphNetwork(twice(first, second));
      assert.deepEqual([...network.stateDict().keys()].sort(), keys);
      const expected = sumOf(product(relu(sumOf(product(images), first))), second);
      const difference = sub(network.forward(images), expected).toTypedArray() as Float32Array;
      assert.ok(Math.max(...difference.map(Math.abs)) <= 1e-5);
    });

  test("a bias that layers of other weights share stays a sum", () => {
    const graph = graphOf(
      [
        node("MatMul", ["images", "one.weight"], "p", {}, "one"),
        node("Add", ["p", "bias"], "a"),
        node("MatMul", ["a", "two.weight"], "q", {}, "two"),
        node("Add", ["q", "bias"], "b"),
      ],
      {
        "one.weight": constant(matrix, [4, 4]),
        "two.weight": constant(matrix, [4, 4]),
        bias: constant(row(1), [4]),
      },
    );
    const network = new GraphNetwork(graph);
    assert.deepEqual([...network.stateDict().values()].map(({ shape }) => shape).sort(), [
      [4],
      [4, 4],
      [4, 4],
    ]);
    const bias = tensor(Float32Array.from(row(1)), { shape: [4] });
    const expected = add(product(add(product(images), bias)), bias);
    const difference = sub(network.forward(images), expected).toTypedArray() as Float32Array;
    assert.ok(Math.max(...difference.map(Math.abs)) <= 1e-5);
  });
});

test("layers that share a tensor but differ in attributes are refused, with the way out", () => {
  const graph = graphOf(
    [
      node("Conv", ["images", "one.weight"], "a", { pads: [1, 1, 1, 1] }, "one"),
      node("Conv", ["a", "one.weight"], "b", { strides: [2, 2] }, "two"),
    ],
    { "one.weight": constant(Array.from({ length: 36 }, Math.cos), [2, 2, 3, 3]) },
  );
  assert.throws(
    () => new GraphNetwork(graph),
    /Conv in two shares one\.weight with one, which has another operator, other attributes or another bias: .* clone the tensor/,
  );
});

test("an operator that cannot be trained is named with its module", () => {
  const scale = constant([1, 1], [2]);
  const graph = graphOf([node("InstanceNormalization", ["images", "scale", "scale"], "a", {}, "head.norm")], {
    scale,
  });
  const message = /InstanceNormalization in head\.norm cannot be trained here; what can is /;
  assert.throws(() => new GraphNetwork(graph), message);
});

test("max pooling runs on the kernel that the layer has", (t) => {
  const { network } = built("resnet18", { width: 0.125 });
  const asked = t.mock.fn(compactMaxPool2d);
  setMaxPoolKernel(asked);
  t.after(() => setMaxPoolKernel(compactMaxPool2d));
  network.forward(randn([2, ...shape]));
  assert.equal(asked.mock.callCount(), 1);
});
