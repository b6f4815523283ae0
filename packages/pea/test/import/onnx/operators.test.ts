/** Every operator that is followed, in the forms of opsets 7 to 24: the graph computes what ONNX Runtime does of the file. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { importOnnx } from "../../../src/import/onnx/import-onnx.ts";
import { bytesOf, type Contents, fileOf, floats, integers, modelOf, type Node } from "./make-file.ts";
import { largestDifference, runGraph, runOnnx, someImages } from "./run-graph.ts";

/** One node, or several in a row that end in `y`. */
const one = (operator: string, attributes: Node[3] = {}, more: Partial<Contents> = {}): Contents => {
  const inputs = (more.tensors ?? []).map(({ name }) => name ?? "");
  return { nodes: [[operator, ["x", ...inputs], ["y"], attributes]], ...more };
};
const nodes = (list: readonly Node[], more: Partial<Contents> = {}): Contents => ({ nodes: list, ...more });

const files: Record<string, Contents> = {
  "Conv, everything uneven": one(
    "Conv",
    { strides: [2, 1], pads: [0, 1, 2, 1], dilations: [1, 2], group: 3 },
    { tensors: [floats("w", [6, 1, 3, 2]), floats("b", [6])] },
  ),
  "Conv with padding by size": one(
    "Conv",
    { auto_pad: "SAME_UPPER", strides: [3, 2] },
    { tensors: [floats("w", [4, 3, 4, 2])] },
  ),
  "Conv with padding by size, more before": one(
    "Conv",
    { auto_pad: "SAME_LOWER" },
    { tensors: [floats("w", [4, 3, 4, 2])] },
  ),
  "Conv without padding, by name": one(
    "Conv",
    { auto_pad: "VALID" },
    { tensors: [floats("w", [4, 3, 3, 3])] },
  ),
  "FusedConv of ONNX Runtime": one(
    "FusedConv",
    { activation: "HardSigmoid", activation_params: [0.2, 0.5] },
    { tensors: [floats("w", [4, 3, 3, 3]), floats("b", [4])], domains: { "com.microsoft": "FusedConv" } },
  ),
  ConvTranspose: one(
    "ConvTranspose",
    { strides: [2, 2], pads: [1, 0, 1, 0], output_padding: [1, 0] },
    { tensors: [floats("w", [3, 4, 3, 2]), floats("b", [4])] },
  ),
  "MaxPool with ceil_mode": one("MaxPool", { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
  "AveragePool that counts padding": one("AveragePool", {
    kernel_shape: [3, 2],
    pads: [1, 0, 1, 0],
    count_include_pad: 1,
  }),
  "AveragePool, padding by size": one("AveragePool", {
    kernel_shape: [3, 3],
    auto_pad: "SAME_UPPER",
    strides: [2, 2],
  }),
  GlobalAveragePool: one("GlobalAveragePool"),
  GlobalMaxPool: one("GlobalMaxPool"),
  BatchNormalization: one(
    "BatchNormalization",
    { epsilon: 0.01 },
    {
      tensors: [
        floats("scale", [3]),
        floats("shift", [3]),
        floats("mean", [3]),
        floats("variance", [3], [1, 2, 0.5]),
      ],
    },
  ),
  LayerNormalization: one(
    "LayerNormalization",
    { axis: -2, epsilon: 0.001 },
    { tensors: [floats("s", [8, 8]), floats("b", [8, 8])] },
  ),
  "Gemm of flattened images": nodes(
    [
      ["Flatten", ["x"], ["f"]],
      ["Gemm", ["f", "w", "b"], ["y"], { transB: 1 }],
    ],
    { tensors: [floats("w", [5, 192]), floats("b", [1, 5])] },
  ),
  "MatMul and Add": nodes(
    [
      ["GlobalAveragePool", ["x"], ["p"]],
      ["Reshape", ["p", "shape"], ["f"]],
      ["MatMul", ["f", "w"], ["m"]],
      ["Add", ["b", "m"], ["y"]],
    ],
    { tensors: [integers("shape", [0, -1]), floats("w", [3, 5]), floats("b", [5])] },
  ),
  "Softmax up to opset 12": nodes(
    [
      ["GlobalAveragePool", ["x"], ["p"]],
      ["Softmax", ["p"], ["y"]],
    ],
    { opset: 11 },
  ),
  "Softmax from opset 13 on": one("Softmax", { axis: 1 }),
  LogSoftmax: one("LogSoftmax", { axis: 1 }),
  "MaxPool whose places of the largest elements nothing reads": nodes([
    ["MaxPool", ["x"], ["p", "places"], { kernel_shape: [2, 2], strides: [2, 2] }],
    ["Relu", ["p"], ["y"]],
  ]),
  "weights that are standardized in the file, by numbers of its own": nodes(
    [
      ["Reshape", ["w", "row"], ["r"]],
      ["BatchNormalization", ["r", "gain", "zero", "centre", "spread"], ["n"]],
      ["Reshape", ["n", "kernel"], ["v"]],
      ["Conv", ["x", "v"], ["y"]],
    ],
    {
      tensors: [
        floats("w", [2, 3, 2, 2]),
        integers("row", [1, 2, 12]),
        integers("kernel", [2, 3, 2, 2]),
        floats("gain", [2], [0.5, 2]),
        floats("zero", [2], [0, 0.1]),
        floats("centre", [2], [0.1, -0.2]),
        floats("spread", [2], [0.5, 0.25]),
      ],
    },
  ),
  "weights that are standardized in training mode, by their own mean and variance": nodes(
    [
      ["Reshape", ["w", "row"], ["r"]],
      [
        "BatchNormalization",
        ["r", "gain", "zero", "zero", "gain"],
        ["n", "mean", "variance"],
        { training_mode: 1 },
      ],
      ["Reshape", ["n", "kernel"], ["v"]],
      ["Conv", ["x", "v"], ["y"]],
    ],
    {
      tensors: [
        floats("w", [2, 3, 2, 2]),
        integers("row", [1, 2, 12]),
        integers("kernel", [2, 3, 2, 2]),
        floats("gain", [2], [0.5, 2]),
        floats("zero", [2], [0, 0]),
      ],
    },
  ),
  "Clip with attributes": one("Clip", { min: -0.25, max: 0.5 }, { opset: 9 }),
  "Clip with a lower bound alone": nodes([["Clip", ["x", "", "high"], ["y"]]], {
    tensors: [floats("high", [], [0.5])],
  }),
  "PRelu with a slope for each channel": one(
    "PRelu",
    {},
    { tensors: [floats("slope", [3, 1, 1], [0.1, 0.2, 0.3])] },
  ),
  "PRelu with one slope": one("PRelu", {}, { tensors: [floats("slope", [1], [0.3])] }),
  LeakyRelu: one("LeakyRelu"),
  Elu: one("Elu", { alpha: 0.5 }),
  Celu: one("Celu", { alpha: 0.5 }),
  Selu: one("Selu"),
  HardSigmoid: one("HardSigmoid"),
  HardSwish: one("HardSwish"),
  Softplus: one("Softplus"),
  Tanh: one("Tanh"),
  Erf: one("Erf"),
  Abs: one("Abs"),
  "Exp, Neg and Sqrt": nodes([
    ["Neg", ["x"], ["n"]],
    ["Exp", ["n"], ["e"]],
    ["Sqrt", ["e"], ["y"]],
  ]),
  "Gelu of opset 20": one("Gelu", { approximate: "tanh" }, { opset: 20 }),
  "Mish of opset 18": one("Mish", {}, { opset: 18 }),
  "Min and Max of several": nodes(
    [
      ["Max", ["x", "low", "lower"], ["m"]],
      ["Min", ["m", "high"], ["y"]],
    ],
    { tensors: [floats("low", [3, 1, 1]), floats("lower", [1], [-0.5]), floats("high", [8])] },
  ),
  "Sum of three": nodes([["Sum", ["x", "a", "b"], ["y"]]], {
    tensors: [floats("a", [3, 1, 1]), floats("b", [8])],
  }),
  "Sub and Div where the number stands first": nodes(
    [
      ["Exp", ["x"], ["e"]],
      ["Sub", ["two", "e"], ["s"]],
      ["Mul", ["s", "s"], ["m"]],
      ["Add", ["m", "two"], ["a"]],
      ["Div", ["two", "a"], ["y"]],
    ],
    { tensors: [floats("two", [], [2])] },
  ),
  "Pow by a number": one("Pow", {}, { tensors: [floats("n", [], [2])] }),
  "ReduceMean with axes as an attribute": one("ReduceMean", { axes: [-1, 2], keepdims: 0 }),
  "ReduceMean with axes as an input": one(
    "ReduceMean",
    {},
    { tensors: [integers("axes", [2, 3])], opset: 18 },
  ),
  "ReduceSum along one axis": one("ReduceSum", { keepdims: 1 }, { tensors: [integers("axes", [1])] }),
  ReduceMax: one("ReduceMax", { axes: [3] }),
  "Reshape that keeps zeros": one("Reshape", {}, { tensors: [integers("shape", [0, 0, 4, -1])] }),
  "Reshape with allowzero": one("Reshape", { allowzero: 1 }, { tensors: [integers("shape", [-1, 24, 8])] }),
  "Transpose without perm, of an image's parts": nodes([
    ["Transpose", ["x"], ["t"], { perm: [0, 3, 1, 2] }],
    ["Relu", ["t"], ["r"]],
    ["Transpose", ["r"], ["y"], { perm: [0, 2, 3, 1] }],
  ]),
  "Squeeze and Unsqueeze with attributes": nodes(
    [
      ["GlobalAveragePool", ["x"], ["p"]],
      ["Squeeze", ["p"], ["s"], { axes: [-1, 2] }],
      ["Unsqueeze", ["s"], ["y"], { axes: [1] }],
    ],
    { opset: 11 },
  ),
  "Unsqueeze with an input": one("Unsqueeze", {}, { tensors: [integers("axes", [-1])] }),
  "Concat along channels": nodes([["Concat", ["x", "x", "x"], ["y"], { axis: -3 }]]),
  "Split into equal parts": nodes(
    [
      ["Split", ["x"], ["a", "b"], { axis: 2 }],
      ["Sub", ["a", "b"], ["y"]],
    ],
    { opset: 13 },
  ),
  "Split into parts whose last is smaller": nodes(
    [
      ["Split", ["x"], ["a", "b"], { axis: 1, num_outputs: 2 }],
      ["Add", ["a", "b"], ["y"]],
    ],
    { opset: 18 },
  ),
  "SplitToSequence and SequenceAt": nodes(
    [
      ["SplitToSequence", ["x", "two"], ["s"], { axis: 2 }],
      ["SequenceAt", ["s", "place"], ["y"]],
    ],
    { tensors: [scalarInteger("two", 2), scalarInteger("place", -1)] },
  ),
  "Slice from the end, beyond it, every second": one(
    "Slice",
    {},
    {
      tensors: [
        integers("starts", [-7, 1]),
        integers("ends", [2 ** 62, 3]),
        integers("axes", [3, 1]),
        integers("steps", [2, 1]),
      ],
    },
  ),
  "Slice with attributes": one("Slice", { starts: [1, 0], ends: [-1, 2], axes: [2, 1] }, { opset: 9 }),
  "Gather of one place and of a row": nodes(
    [
      ["Gather", ["x", "row"], ["a"], { axis: 2 }],
      ["Gather", ["a", "place"], ["y"], { axis: 1 }],
    ],
    { tensors: [integers("row", [1, 2, 3]), scalarInteger("place", -1)] },
  ),
  "Pad with zeros": one("Pad", {}, { tensors: [integers("pads", [0, 0, 1, 2, 0, 0, 0, 1])] }),
  "Pad of some axes with a number": nodes([["Pad", ["x", "pads", "value", "axes"], ["y"]]], {
    opset: 18,
    tensors: [integers("pads", [1, 2]), floats("value", [], [0.5]), integers("axes", [-1])],
  }),
  "Pad by reflection, as an attribute": one(
    "Pad",
    { mode: "reflect", pads: [0, 0, 1, 1, 0, 0, 1, 1] },
    { opset: 9 },
  ),
  "Resize by scales": nodes(
    [
      [
        "Resize",
        ["x", "", "scales"],
        ["y"],
        { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
      ],
    ],
    {
      tensors: [floats("scales", [4], [1, 1, 2, 3])],
    },
  ),
  "Resize to sizes": nodes([["Resize", ["x", "", "", "sizes"], ["y"], { mode: "linear", axes: [2, 3] }]], {
    opset: 18,
    tensors: [integers("sizes", [5, 16])],
  }),
  "Resize of opset 10": nodes([["Resize", ["x", "scales"], ["y"], { mode: "nearest" }]], {
    opset: 10,
    tensors: [floats("scales", [4], [1, 1, 2, 2])],
  }),
  "Upsample of opset 9": nodes([["Upsample", ["x", "scales"], ["y"], { mode: "linear" }]], {
    opset: 9,
    tensors: [floats("scales", [4], [1, 1, 2, 2])],
  }),
  Expand: nodes(
    [
      ["GlobalAveragePool", ["x"], ["p"]],
      ["Expand", ["p", "shape"], ["y"]],
    ],
    { tensors: [integers("shape", [1, 3, 2, 4])] },
  ),
  DepthToSpace: nodes([
    ["Concat", ["x", "x", "x", "x"], ["c"], { axis: 1 }],
    ["DepthToSpace", ["c"], ["y"], { blocksize: 2, mode: "CRD" }],
  ]),
  SpaceToDepth: one("SpaceToDepth", { blocksize: 2 }),
  "Identity, Dropout and pairs of Cast are gone": nodes([
    ["Identity", ["x"], ["i"]],
    ["Dropout", ["i"], ["d"]],
    ["Cast", ["d"], ["c"], { to: 11 }],
    ["Cast", ["c"], ["e"], { to: 1 }],
    ["Relu", ["e"], ["y"]],
  ]),
  "shapes that hang on the batch": nodes(
    [
      ["Shape", ["x"], ["s"]],
      ["Gather", ["s", "first"], ["n"]],
      ["Unsqueeze", ["n", "axes"], ["u"]],
      ["Mul", ["u", "one"], ["m"]],
      ["Concat", ["m", "rest"], ["shape"], { axis: 0 }],
      ["Reshape", ["x", "shape"], ["r"]],
      ["Relu", ["r"], ["y"]],
    ],
    {
      tensors: [
        scalarInteger("first", 0),
        integers("axes", [0]),
        integers("one", [1]),
        integers("rest", [2, 96]),
      ],
    },
  ),
  "windows of images as images, and back": nodes(
    [
      ["Reshape", ["x", "cut"], ["a"]],
      ["Transpose", ["a"], ["b"], { perm: [0, 2, 4, 1, 3, 5] }],
      ["Reshape", ["b", "windows"], ["c"]],
      ["Softmax", ["c"], ["d"], { axis: 1 }],
      ["Reshape", ["d", "beside"], ["e"]],
      ["Transpose", ["e"], ["f"], { perm: [0, 3, 1, 4, 2, 5] }],
      ["Reshape", ["f", "whole"], ["y"]],
    ],
    {
      tensors: [
        integers("cut", [-1, 3, 2, 4, 2, 4]),
        integers("windows", [-1, 3, 4, 4]),
        integers("beside", [-1, 2, 2, 3, 4, 4]),
        integers("whole", [-1, 3, 8, 8]),
      ],
    },
  ),
  "a row of all images, and images again by their places in it": nodes(
    [
      ["Shape", ["x"], ["n"], { start: 0, end: 1 }],
      ["Squeeze", ["n"], ["count"]],
      ["Range", ["zero", "count", "one"], ["i"]],
      ["Mul", ["i", "elements"], ["first"]],
      ["Unsqueeze", ["first", "axes"], ["column"]],
      ["Add", ["column", "each"], ["places"]],
      ["Reshape", ["x", "row"], ["r"]],
      ["Gather", ["r", "places"], ["y"], { axis: 0 }],
    ],
    {
      tensors: [
        scalarInteger("zero", 0),
        scalarInteger("one", 1),
        scalarInteger("elements", 192),
        integers("axes", [1]),
        {
          ...integers(
            "each",
            Array.from({ length: 192 }, (_, i) => i),
          ),
          dims: [1, 192],
        },
        integers("row", [-1]),
      ],
    },
  ),
  "elements in the place of all images', as x += y is written of a part": nodes(
    [
      ["Shape", ["x"], ["n"], { start: 0, end: 1 }],
      ["Squeeze", ["n"], ["count"]],
      ["Range", ["zero", "count", "one"], ["i"]],
      ["Slice", ["i", "from", "to", "from", "step"], ["all"]],
      ["Unsqueeze", ["all", "axis"], ["places"]],
      ["Relu", ["x"], ["r"]],
      ["ScatterND", ["x", "places", "r"], ["y"]],
    ],
    {
      tensors: [
        scalarInteger("zero", 0),
        scalarInteger("one", 1),
        integers("from", [0]),
        integers("to", [2 ** 40]),
        integers("step", [1]),
        integers("axis", [-1]),
      ],
    },
  ),
};

function scalarInteger(name: string, value: number) {
  return { ...integers(name, [value]), dims: [] };
}

describe("the graph of", () => {
  for (const [name, contents] of Object.entries(files))
    test(name, async () => {
      const { graph } = await importOnnx(fileOf(contents));
      for (const count of [1, 3]) {
        const images = someImages([count, 3, 8, 8]);
        const expected = await runOnnx(bytesOf(modelOf(contents)), images);
        const difference = largestDifference(await runGraph(graph, images), expected);
        assert.ok(difference <= 2e-6, `${difference}`);
      }
    });
});

test("names of batches, and weights listed as inputs too, change nothing", async () => {
  const contents = one("Conv", {}, { tensors: [floats("w", [4, 3, 1, 1])] });
  const { graph } = await importOnnx(
    fileOf({
      ...contents,
      inputs: [
        ["x", ["N", 3, 8, 8]],
        ["w", [4, 3, 1, 1]],
      ],
    }),
  );
  assert.deepEqual(graph.inputs, [{ name: "x", shape: ["batch", 3, 8, 8] }]);
});

test("a file for one image is opened for any number", async () => {
  const contents: Contents = {
    nodes: [
      ["Relu", ["x"], ["r"]],
      ["Reshape", ["r", "shape"], ["y"]],
    ],
    tensors: [integers("shape", [1, 192])],
    inputs: [["x", [1, 3, 8, 8]]],
  };
  const { graph } = await importOnnx(fileOf(contents));
  assert.deepEqual((await runGraph(graph, someImages([5, 3, 8, 8]))).shape, [5, 192]);
});

test("so is one for two images that are cut into windows", async () => {
  const contents: Contents = {
    nodes: [
      ["Reshape", ["x", "windows"], ["w"]],
      ["Relu", ["w"], ["r"]],
      ["Reshape", ["r", "shape"], ["y"]],
    ],
    tensors: [integers("windows", [8, 3, 4, -1]), integers("shape", [2, 192])],
    inputs: [["x", [2, 3, 8, 8]]],
  };
  const { graph } = await importOnnx(fileOf(contents));
  assert.deepEqual((await runGraph(graph, someImages([5, 3, 8, 8]))).shape, [5, 192]);
});

test("an open image size is the one that is told", async () => {
  const contents = one("Relu", {}, { inputs: [["x", ["N", 3, "H", "W"]]] });
  const { graph } = await importOnnx(fileOf(contents), { imageSize: [6, 4] });
  assert.deepEqual(graph.inputs[0]?.shape, ["batch", 3, 6, 4]);
});

test("an open image size of a file with its channels last, too", async () => {
  const path = fileOf({
    inputs: [["x", ["N", "H", "W", 3]]],
    nodes: [
      ["Transpose", ["x"], ["t"], { perm: [0, 3, 1, 2] }],
      ["Relu", ["t"], ["y"]],
    ],
  });
  const { graph } = await importOnnx(path, { imageSize: [6, 4] });
  assert.deepEqual(graph.inputs[0]?.shape, ["batch", 3, 6, 4]);
});

test("of several outputs the one that is chosen is followed, and nothing else is looked at", async () => {
  const path = fileOf({
    nodes: [
      ["Relu", ["x"], ["y"]],
      ["NonMaxSuppression", ["x"], ["boxes"]],
    ],
    outputs: ["y", "boxes"],
  });
  const { graph } = await importOnnx(path, { output: "y" });
  assert.deepEqual(
    graph.nodes.map(({ operator }) => operator),
    ["Relu"],
  );
});

test("any value that a node computes may be the output: what lies behind it is cut off", async () => {
  const path = fileOf({
    nodes: [
      ["Relu", ["x"], ["y"]],
      ["Abs", ["y"], ["z"]],
      ["NonMaxSuppression", ["z"], ["boxes"]],
    ],
  });
  const { graph } = await importOnnx(path, { output: "z" });
  assert.deepEqual(
    graph.nodes.map(({ operator }) => operator),
    ["Relu", "Abs"],
  );
  assert.deepEqual(graph.outputs, ["z"]);
});

test("float16, bfloat16 and double weights become float32, from either field", async () => {
  const ways = [
    { dataType: 10, int32Data: [0x3800, 0xb800, 0x0001] },
    { dataType: 16, int32Data: [0x3f00, 0xbf00, 0x3380] },
    { dataType: 11, doubleData: [0.5, -0.5, 2 ** -24] },
    { dataType: 1, floatData: [0.5, -0.5, 2 ** -24] },
    { dataType: 10, rawData: Uint8Array.of(0, 0x38, 0, 0xb8, 1, 0) },
  ];
  for (const way of ways) {
    const { graph, findings } = await importOnnx(
      fileOf(one("PRelu", {}, { tensors: [{ name: "slope", dims: [3, 1, 1], ...way }] })),
    );
    assert.equal(findings.roundedWeights, way.dataType === 1 ? 0 : 1);
    const [values] = [...graph.constants.values()];
    assert.deepEqual([...(values?.data ?? [])].map(Number).slice(0, 2), [0.5, -0.5]);
    assert.ok(Math.abs(Number(values?.data[2]) - 2 ** -24) < 1e-9);
  }
});
