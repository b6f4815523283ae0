/** Passes of the import, one at a time. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Graph, GraphNode } from "@pea/graph";
import { noGrad, tensor } from "@pea/torch";
import { GraphNetwork } from "../../../src/import/network/graph-network.ts";
import { importOnnx } from "../../../src/import/onnx/import-onnx.ts";
import { hasLostBias } from "../../../src/import/onnx/node-path.ts";
import { addBatchNorms } from "../../../src/import/onnx/passes/add-batch-norms.ts";
import { separateRelus } from "../../../src/import/onnx/passes/separate-relus.ts";
import { separateWeights } from "../../../src/import/onnx/passes/separate-weights.ts";
import { bytesOf, type Contents, fileOf, floats, integers, modelOf } from "./make-file.ts";
import { largestDifference, runGraph, runOnnx, someImages } from "./run-graph.ts";

const importOf = async (contents: Contents) => (await importOnnx(fileOf(contents))).graph;
const operatorsOf = ({ nodes }: Graph) => nodes.map(({ operator }) => operator);
const conv = (output: string, input: string, ...weights: string[]) =>
  ["Conv", [input, ...weights], [output]] as const;

describe("a batch norm that is added", () => {
  test("changes nothing, and has a path under its convolution's", async () => {
    const graph = await importOf({
      nodes: [conv("a", "x", "one.weight"), ["Relu", ["a"], ["r"]], conv("y", "r", "two.weight", "two.bias")],
      tensors: [
        floats("one.weight", [4, 3, 3, 3]),
        floats("two.weight", [5, 4, 1, 1]),
        floats("two.bias", [5]),
      ],
    });
    const added = addBatchNorms(graph);
    assert.deepEqual(operatorsOf(added), [
      "Conv",
      "BatchNormalization",
      "Relu",
      "Conv",
      "BatchNormalization",
    ]);
    assert.deepEqual(added.nodes.map(({ path }) => path).slice(0, 2), ["one", "one.bn"]);
    assert.ok(added.constants.has("two.bn.running_var"));
    const images = someImages([2, 3, 8, 8]);
    assert.ok(largestDifference(await runGraph(added, images), await runGraph(graph, images)) <= 1e-6);
  });

  test("is not put behind a convolution that has one", async () => {
    const graph = await importOf({
      nodes: [conv("a", "x", "w"), ["BatchNormalization", ["a", "s", "b", "m", "v"], ["y"]]],
      tensors: [floats("w", [2, 3, 1, 1]), ...["s", "b", "m", "v"].map((name) => floats(name, [2], [1, 2]))],
    });
    assert.equal(addBatchNorms(graph).nodes.length, 2);
  });
});

describe("ReLUs that are set apart", () => {
  test("are one for each node that reads them, and compute the same", async () => {
    const graph = await importOf({
      nodes: [
        ["Relu", ["x"], ["r"]],
        ["Tanh", ["r"], ["s"]],
        ["Mul", ["r", "s"], ["p"]],
        ["Add", ["p", "r"], ["y"]],
      ],
    });
    const apart = separateRelus(graph);
    const relus = apart.nodes.filter(({ operator }) => operator === "Relu");
    assert.deepEqual(
      relus.map(({ path }) => path),
      ["relu", "relu_1", "relu_2"],
    );
    assert.equal(new Set(relus.map(({ inputs }) => inputs[0])).size, 1);
    assert.equal(new Set(relus.flatMap(({ outputs }) => outputs)).size, 3);
    const images = someImages([2, 3, 8, 8]);
    assert.equal(largestDifference(await runGraph(apart, images), await runGraph(graph, images)), 0);
  });

  test("stay one where one node reads them, be it twice", async () => {
    const graph = await importOf({
      nodes: [
        ["Relu", ["x"], ["r"]],
        ["Mul", ["r", "r"], ["y"]],
      ],
    });
    assert.deepEqual(separateRelus(graph), graph);
  });

  test("take no name or path that something else has", () => {
    const node = (operator: string, inputs: string[], output: string, path = ""): GraphNode => {
      return { operator, inputs, outputs: [output], attributes: {}, path };
    };
    const apart = separateRelus({
      inputs: [{ name: "x", shape: ["batch", 3, 8, 8] }],
      outputs: ["y"],
      nodes: [
        node("Relu", ["x"], "r", "relu"),
        node("Neg", ["r"], "r/1"),
        node("Relu", ["r/1"], "s", "relu_1"),
        node("Mul", ["r", "s"], "y"),
      ],
      constants: new Map(),
    });
    const outputs = apart.nodes.flatMap(({ outputs }) => outputs);
    assert.equal(new Set(outputs).size, 5);
    const paths = apart.nodes.filter(({ operator }) => operator === "Relu").map(({ path }) => path);
    assert.equal(new Set(paths).size, 3);
    assert.deepEqual(paths.filter((path) => path === "relu" || path === "relu_1").length, 2);
    // What reads what: the product that of a ReLU of its own, the negation the first one.
    const [product, negation] = ["Mul", "Neg"].map((name) => apart.nodes.find((n) => n.operator === name));
    const producer = apart.nodes.find((n) => n.outputs[0] === product?.inputs[0]);
    assert.deepEqual([producer?.operator, producer?.inputs], ["Relu", ["x"]]);
    assert.deepEqual(negation?.inputs, ["r"]);
  });
});

describe("layer normalization that is spelled out", () => {
  const spelled = (axis: number, squared: Contents["nodes"][number]): Contents => ({
    nodes: [
      ["Transpose", ["x"], ["t"], { perm: [0, 2, 3, 1] }],
      ["ReduceMean", ["t"], ["m"], { axes: [axis] }],
      ["Sub", ["t", "m"], ["d"]],
      squared,
      ["ReduceMean", ["q"], ["v"], { axes: [axis] }],
      ["Add", ["v", "eps"], ["e"]],
      ["Sqrt", ["e"], ["s"]],
      ["Div", ["d", "s"], ["n"]],
      ["Mul", ["n", "norm.weight"], ["p"]],
      ["Add", ["p", "norm.bias"], ["y"]],
    ],
    tensors: [
      floats("eps", [], [1e-3]),
      floats("two", [], [2]),
      floats("norm.weight", [3]),
      floats("norm.bias", [3]),
    ],
    opset: 16,
  });

  for (const squared of [
    ["Pow", ["d", "two"], ["q"]],
    ["Mul", ["d", "d"], ["q"]],
  ] as const)
    test(`by ${squared[0]} is one node, under the keys of its weights`, async () => {
      const contents = spelled(-1, squared);
      const graph = await importOf(contents);
      assert.deepEqual(operatorsOf(graph), ["Transpose", "LayerNormalization"]);
      assert.deepEqual([...graph.constants.keys()], ["norm.weight", "norm.bias"]);
      const images = someImages([2, 3, 8, 8]);
      const expected = await runOnnx(bytesOf(modelOf(contents)), images);
      assert.ok(largestDifference(await runGraph(graph, images), expected) <= 1e-5);
    });

  test("over another axis than that of its weights stays as it is", async () => {
    const graph = await importOf(spelled(1, ["Mul", ["d", "d"], ["q"]]));
    assert.ok(!operatorsOf(graph).includes("LayerNormalization"));
  });
});

describe("merged weights", () => {
  const weight = { shape: [2, 2, 1, 1], data: Float32Array.of(1, 2, 3, 4) };
  const layer = (path: string, input: string, output: string): GraphNode => {
    return { operator: "Conv", inputs: [input, "w"], outputs: [output], attributes: {}, path };
  };
  const graphOf = (nodes: GraphNode[], constant = weight): Graph => ({
    inputs: [{ name: "x", shape: ["batch", 2, 4, 4] }],
    outputs: [nodes.at(-1)?.outputs[0] as string],
    nodes,
    constants: new Map([["w", constant]]),
  });
  const weightsOf = (graph: Graph) => new Set(graph.nodes.map(({ inputs }) => inputs[1])).size;

  test("are set apart where nodes are of different modules", () => {
    assert.equal(weightsOf(separateWeights(graphOf([layer("a", "x", "p"), layer("b", "p", "q")]))), 2);
  });

  test("stay shared where one module is called twice", () => {
    assert.equal(weightsOf(separateWeights(graphOf([layer("a", "x", "p"), layer("a", "p", "q")]))), 1);
  });

  describe("that are larger than what is merged by value", () => {
    const large = { shape: [32, 33, 1, 1], data: new Float32Array(32 * 33) };
    const [one, other] = [layer("a", "x", "p"), layer("b", "p", "q")];
    const counted = (nodes: GraphNode[]) => weightsOf(separateWeights(graphOf(nodes, large)));

    test("stay shared, whatever the modules", () => assert.equal(counted([one, other]), 1));

    test("are set apart where layers differ in stride, bias or kind, and it is told", async () => {
      assert.equal(counted([one, { ...other, attributes: { strides: [2, 2] } }]), 2);
      const contents = (second: Contents["nodes"][number]): Contents => ({
        inputs: [["x", ["N", 11, 8, 8]]],
        nodes: [conv("a", "x", "w", "b"), second],
        tensors: [floats("w", [11, 11, 3, 3]), floats("b", [11]), floats("c", [11])],
      });
      const strided = ["Conv", ["a", "w", "b"], ["y"], { strides: [2, 2] }] as const;
      for (const second of [
        strided,
        conv("y", "a", "w"),
        conv("y", "a", "w", "c"),
        ["ConvTranspose", ["a", "w", "b"], ["y"]],
      ] as const) {
        const file = contents(second);
        const { graph, findings } = await importOnnx(fileOf(file));
        assert.equal(weightsOf(graph), 2);
        assert.match(
          findings.sentences.join(),
          /1 layer that shared weights with one of another kind, stride or bias: each has its own/,
        );
        const images = someImages([2, 11, 8, 8]);
        const expected = await runOnnx(bytesOf(modelOf(file)), images);
        const network = new GraphNetwork(graph).eval();
        const actual = noGrad(() => network.forward(tensor(images.data, { shape: images.shape })));
        const values = { shape: actual.shape, data: actual.toTypedArray() as Float32Array };
        const largest = values.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        assert.ok(largestDifference(values, expected) <= 1e-6 * largest);
      }
    });
  });

  test("stay shared where the file names equal ones apart, but for those of one value", () => {
    const layers = [layer("a", "x", "p"), layer("b", "p", "q")];
    const uniform = { shape: [2, 2, 1, 1], data: new Float32Array(4).fill(1) };
    const separated = (of: Graph) => weightsOf(separateWeights(of, { namesEqualTensors: true }));
    assert.equal(separated(graphOf(layers)), 1);
    assert.equal(separated(graphOf(layers, uniform)), 2);
  });

  describe("in a file that names equal ones apart", () => {
    const [one, other] = [layer("a", "x", "p"), layer("b", "p", "q")];
    const separated = (nodes: GraphNode[], tensors: Record<string, number[]> = {}) => {
      const graph = graphOf(nodes);
      const constants = Object.entries(tensors).map(([name, values]) => {
        return [name, { shape: [values.length], data: Float32Array.from(values) }] as const;
      });
      const all = { ...graph, constants: new Map([...graph.constants, ...constants]) };
      return separateWeights(all, { namesEqualTensors: true });
    };
    const biased = (node: GraphNode, bias: string): GraphNode => ({
      ...node,
      inputs: [...node.inputs, bias],
    });

    const otherAttributes: GraphNode["attributes"][] = [{ strides: [2, 2] }, { dilations: [2, 2] }];
    for (const attributes of otherAttributes)
      test(`are set apart where layers differ in ${Object.keys(attributes)[0]}`, () => {
        assert.equal(weightsOf(separated([one, { ...other, attributes }])), 2);
      });

    test("are set apart where layers differ in bias", () => {
      const nodes = [biased(one, "b1"), biased(other, "b2")];
      assert.equal(weightsOf(separated(nodes, { b1: [1, 2], b2: [3, 4] })), 2);
    });

    test("are set apart together, where a bias of one value tells nothing", () => {
      const { nodes } = separated([biased(one, "b"), biased(other, "b")], { b: [0, 0] });
      assert.equal(new Set(nodes.flatMap(({ inputs }) => inputs.slice(1))).size, 4);
    });

    test("stay shared together with a bias of one element", () => {
      const { nodes } = separated([biased(one, "b"), biased(other, "b")], { b: [3] });
      assert.equal(new Set(nodes.flatMap(({ inputs }) => inputs.slice(1))).size, 2);
    });
  });

  test("take no name that there is", () => {
    const graph = graphOf([layer("a", "x", "p"), layer("b", "p", "w/1"), layer("c", "w/1", "q")]);
    const { nodes, constants } = separateWeights(graph);
    const names = nodes.map(({ inputs }) => inputs[1] as string);
    assert.equal(new Set([...names, ...nodes.flatMap(({ outputs }) => outputs)]).size, 6);
    assert.deepEqual([...constants.keys()].sort(), names.sort());
  });

  test("of two modules stay one where PyTorch's default exporter has merged no others", async () => {
    const weightsIn = async (file: string) => {
      const { graph } = await importOnnx(fileURLToPath(new URL(`files/${file}`, import.meta.url)));
      const convolutions = graph.nodes.filter(({ operator }) => operator === "Conv");
      return [convolutions.length, new Set(convolutions.map(({ inputs }) => inputs[1])).size];
    };
    assert.deepEqual(await weightsIn("shared.unoptimized.onnx"), [4, 2]);
    // Of what it optimizes it is not to be told; equal calls are one there.
    assert.deepEqual(await weightsIn("shared.new.onnx"), [3, 3]);
  });

  test("of a batch norm are four, whatever their values", async () => {
    const graph = await importOf({
      nodes: [["BatchNormalization", ["x", "ones", "zeros", "zeros", "ones"], ["y"]]],
      tensors: [floats("ones", [3], [1, 1, 1]), floats("zeros", [3], [0, 0, 0])],
    });
    assert.deepEqual([...graph.constants.keys()].sort(), [
      "bn1.bias",
      "bn1.running_mean",
      "bn1.running_var",
      "bn1.weight",
    ]);
  });
});

describe("padding", () => {
  const pads = integers("pads", [0, 0, 1, 0, 0, 0, 1, 2]);
  const pool = { kernel_shape: [3, 3], strides: [2, 2] };
  const cases: Record<string, [Contents, string[]]> = {
    "becomes a convolution's": [
      {
        nodes: [
          ["Pad", ["x", "pads"], ["p"]],
          ["Conv", ["p", "w"], ["y"], { pads: [0, 1, 0, 1] }],
        ],
        tensors: [pads, floats("w", [2, 3, 3, 3])],
      },
      ["Conv"],
    ],
    "becomes max pooling's behind ReLU": [
      {
        nodes: [
          ["Relu", ["x"], ["r"]],
          ["Pad", ["r", "pads"], ["p"]],
          ["MaxPool", ["p"], ["y"], pool],
        ],
        tensors: [pads],
      },
      ["Relu", "MaxPool"],
    ],
    "stays before max pooling of what may be below 0": [
      {
        nodes: [
          ["Pad", ["x", "pads"], ["p"]],
          ["MaxPool", ["p"], ["y"], pool],
        ],
        tensors: [pads],
      },
      ["Pad", "MaxPool"],
    ],
    "becomes average pooling's, which counts it": [
      {
        nodes: [
          ["Pad", ["x", "pads"], ["p"]],
          ["AveragePool", ["p"], ["y"], pool],
        ],
        tensors: [pads],
      },
      ["AveragePool"],
    ],
    "with another number than 0 stays": [
      {
        nodes: [
          ["Pad", ["x", "pads", "one"], ["p"]],
          ["Conv", ["p", "w"], ["y"]],
        ],
        tensors: [pads, floats("one", [], [1]), floats("w", [2, 3, 3, 3])],
      },
      ["Pad", "Conv"],
    ],
  };
  for (const [name, [contents, operators]] of Object.entries(cases))
    test(name, async () => {
      assert.deepEqual(operatorsOf(await importOf(contents)), operators);
    });
});

describe("numbers of each channel", () => {
  test("behind a convolution become its weights and bias", async () => {
    const graph = await importOf({
      nodes: [
        conv("c", "x", "stem.weight"),
        ["Sub", ["c", "mean"], ["s"]],
        ["Mul", ["factor", "s"], ["m"]],
        ["Add", ["m", "shift"], ["y"]],
      ],
      tensors: [
        floats("stem.weight", [2, 3, 1, 1], [1, 2, 3, 4, 5, 6]),
        floats("mean", [1, 2, 1, 1], [1, 2]),
        floats("factor", [2, 1, 1], [3, 4]),
        floats("shift", [1, 2, 1, 1], [5, 6]),
      ],
    });
    assert.deepEqual(operatorsOf(graph), ["Conv"]);
    assert.deepEqual([...(graph.constants.get("stem.weight")?.data ?? [])], [3, 6, 9, 16, 20, 24]);
    assert.deepEqual([...(graph.constants.get("stem.bias")?.data ?? [])], [2, -2]);
  });

  test("stay where something else reads the convolution", async () => {
    const graph = await importOf({
      nodes: [conv("c", "x", "w"), ["Mul", ["c", "factor"], ["m"]], ["Add", ["m", "c"], ["y"]]],
      tensors: [floats("w", [2, 3, 1, 1]), floats("factor", [2, 1, 1])],
    });
    assert.deepEqual(operatorsOf(graph), ["Conv", "Mul", "Add"]);
  });
});

test("a bias of zeros that a Gemm lacks is there again", async () => {
  const { graph, findings } = await importOnnx(
    fileOf({
      nodes: [
        ["Flatten", ["x"], ["f"]],
        ["Gemm", ["f", "fc.weight"], ["y"], { transB: 1 }],
      ],
      tensors: [floats("fc.weight", [5, 192])],
    }),
  );
  assert.deepEqual(graph.constants.get("fc.bias"), { shape: [5], data: new Float32Array(5) });
  assert.equal(findings.restoredBiases, 1);
});

describe("a layer without a bias has lost it", () => {
  const node = (opType: string) => (metadata: Record<string, string>) => ({
    ...{ input: ["x", "w"], output: ["y"], name: "", opType, domain: "", attribute: [] },
    metadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  });
  const scopes = { "pkg.torch.onnx.name_scopes": "['', 'fc', 'linear']" };
  const rule = (name: string) => ({ ...scopes, "pkg.onnxscript.rewriter.rule_name": name });

  test("where the exporter of a Gemm says so, or nothing", () => {
    const lost = [{}, scopes, rule("RemoveOptionalBiasFromGemm")].map(node("Gemm")).map(hasLostBias);
    assert.deepEqual(lost, [true, false, true]);
  });

  test("where a convolution was called with one, or a batch norm was folded into it", () => {
    const call = (more: string) => ({
      ...rule("RemoveOptionalBiasFromConv"),
      "pkg.torch.onnx.fx_node": `%conv2d : [num_users=1] = call_function[target=torch.ops.aten.conv2d.default](args = (%x, %p_weight${more}), kwargs = {})`,
    });
    const cases = [
      call(", %p_bias, [2, 2]"),
      call(", None, [2, 2]"),
      call(""),
      rule("RemoveOptionalBiasFromConv"),
      rule("FuseBatchNormIntoConv, RemoveOptionalBiasFromConv"),
    ];
    assert.deepEqual(cases.map(node("Conv")).map(hasLostBias), [true, false, false, false, true]);
  });
});

test("a bias of zeros that a file makes is none, one that it holds is the layer's", async () => {
  const graph = await importOf({
    nodes: [
      ["Expand", ["zero", "length"], ["made"]],
      ["Conv", ["x", "a.weight", "made"], ["m"]],
      ["Conv", ["m", "b.weight", "b.bias"], ["y"]],
    ],
    tensors: [
      floats("zero", [1], [0]),
      integers("length", [3]),
      floats("a.weight", [3, 3, 1, 1]),
      floats("b.weight", [2, 3, 1, 1]),
      floats("b.bias", [2], [0, 0]),
    ],
  });
  assert.deepEqual([...graph.constants.keys()].sort(), ["a.weight", "b.bias", "b.weight"]);
});

test("a key that another constant has already is not given twice", async () => {
  const contents: Contents = {
    nodes: [["Mul", ["x", "stem.bias"], ["m"]], conv("c", "m", "stem.weight"), ["Add", ["c", "b"], ["y"]]],
    tensors: [floats("stem.bias", [3, 1, 1]), floats("stem.weight", [2, 3, 1, 1]), floats("b", [2, 1, 1])],
  };
  const graph = await importOf(contents);
  assert.deepEqual([...graph.constants.keys()].sort(), ["stem.bias", "stem.bias_1", "stem.weight"]);
  const images = someImages([1, 3, 8, 8]);
  const expected = await runOnnx(bytesOf(modelOf(contents)), images);
  assert.ok(largestDifference(await runGraph(graph, images), expected) <= 1e-6);
});

test("keys may have hyphens, as torchvision's RegNet", async () => {
  const graph = await importOf({
    nodes: [conv("y", "x", "block1.block1-0.weight")],
    tensors: [floats("block1.block1-0.weight", [2, 3, 1, 1])],
  });
  assert.deepEqual([...new GraphNetwork(graph).stateDict().keys()], ["block1.block1-0.weight"]);
});

test("keys that torch.compile has wrapped are those of the network", async () => {
  const graph = await importOf({
    nodes: [conv("y", "x", "_orig_mod.stem.weight")],
    tensors: [floats("_orig_mod.stem.weight", [2, 3, 1, 1])],
  });
  assert.deepEqual([...graph.constants.keys()], ["stem.weight"]);
  assert.equal(graph.nodes[0]?.path, "stem");
});

test("a file with its channels last is turned, an image flattened before a layer included", async () => {
  const { graph, findings } = await importOnnx(
    fileOf({
      inputs: [["x", ["N", 4, 4, 3]]],
      nodes: [
        ["Transpose", ["x"], ["t"], { perm: [0, 3, 1, 2] }],
        ["Conv", ["t", "w"], ["c"]],
        ["Transpose", ["c"], ["u"], { perm: [0, 2, 3, 1] }],
        ["Mul", ["u", "factor"], ["m"]],
        ["ReduceMax", ["m"], ["r"], { axes: [1], keepdims: 0 }],
        ["Reshape", ["r", "shape"], ["f"]],
        ["MatMul", ["f", "v"], ["y"]],
      ],
      tensors: [
        floats("w", [2, 3, 1, 1]),
        floats("factor", [4, 2]),
        integers("shape", [-1, 8]),
        floats("v", [8, 5]),
      ],
    }),
  );
  assert.ok(findings.isChannelsLast);
  assert.deepEqual(graph.inputs[0]?.shape, ["batch", 3, 4, 4]);
  assert.deepEqual(operatorsOf(graph), ["Conv", "Mul", "ReduceMax", "Reshape", "Gemm"]);
});

test("a matrix that both rows of an image and a vector are multiplied by stays as the file has it", async () => {
  const contents: Contents = {
    nodes: [
      ["MatMul", ["x", "w"], ["a"]],
      ["ReduceMean", ["a"], ["m"], { axes: [1, 2], keepdims: 0 }],
      ["MatMul", ["m", "w"], ["y"]],
    ],
    tensors: [floats("w", [8, 8])],
  };
  const images = someImages([2, 3, 8, 8]);
  const graph = await importOf(contents);
  const expected = await runOnnx(bytesOf(modelOf(contents)), images);
  assert.ok(largestDifference(await runGraph(graph, images), expected) <= 1e-6);
});
