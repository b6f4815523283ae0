import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Attributes, fixBatch, inferShapes, measure, type Shape } from "@pea/graph";
import { constant, graphOf, node } from "./make-graph.ts";

const image: Shape = ["batch", 4, 10, 12];

/** The shape that an operator gives; inputs after the first are constants of these shapes. */
function shapeOf(operator: string, attributes: Attributes = {}, input = image, ...others: number[][]): Shape {
  const names = others.map((_, i) => `c${i}`);
  const constants = Object.fromEntries(others.map((shape, i) => [`c${i}`, constant(...shape)]));
  const graph = graphOf(input, [node(operator, ["x", ...names], "y", attributes)], constants);
  return inferShapes(graph).get("y") as Shape;
}

describe("the shape of", () => {
  const cases: [string, Shape, Shape][] = [
    [
      "a convolution",
      shapeOf(
        "Conv",
        { strides: [2, 1], pads: [1, 2, 1, 2], dilations: [1, 2], group: 2 },
        image,
        [6, 2, 3, 3],
      ),
      ["batch", 6, 5, 12],
    ],
    [
      "a convolution padded on one side",
      shapeOf("Conv", { pads: [0, 0, 1, 2] }, image, [6, 4, 2, 3]),
      ["batch", 6, 10, 12],
    ],
    [
      "a transposed convolution",
      shapeOf(
        "ConvTranspose",
        { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] },
        image,
        [4, 6, 3, 3],
      ),
      ["batch", 6, 20, 24],
    ],
    [
      "max pooling rounded down",
      shapeOf("MaxPool", { kernel_shape: [3, 3], strides: [2, 2] }),
      ["batch", 4, 4, 5],
    ],
    [
      "max pooling rounded up",
      shapeOf("MaxPool", { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
      ["batch", 4, 5, 6],
    ],
    [
      "pooling rounded up, where a window would begin in the padding behind",
      shapeOf("AveragePool", { kernel_shape: [3, 3], strides: [3, 3], pads: [1, 1, 1, 1], ceil_mode: 1 }, [
        "batch",
        4,
        17,
        17,
      ]),
      ["batch", 4, 6, 6],
    ],
    ["the global average", shapeOf("GlobalAveragePool"), ["batch", 4, 1, 1]],
    ["a linear layer", shapeOf("Gemm", { transB: 1 }, ["batch", 7], [5, 7], [5]), ["batch", 5]],
    ["a product of stacked matrices", shapeOf("MatMul", {}, ["batch", 3, 7], [7, 5]), ["batch", 3, 5]],
    ["a sum that stretches", shapeOf("Add", {}, ["batch", 4, 1, 12], [10, 1]), ["batch", 4, 10, 12]],
    ["a mean, its axes kept", shapeOf("ReduceMean", { axes: [-1, 2] }), ["batch", 4, 1, 1]],
    ["a sum, its axes gone", shapeOf("ReduceSum", { axes: [1], keepdims: 0 }), ["batch", 10, 12]],
    ["flattening", shapeOf("Flatten", { axis: 1 }), ["batch", 480]],
    ["a shape that copies and finds", shapeOf("Reshape", { shape: [0, -1, 12] }), ["batch", 40, 12]],
    ["a shape that finds the batch", shapeOf("Reshape", { shape: [-1, 480] }), ["batch", 480]],
    ["axes in another order", shapeOf("Transpose", { perm: [1, 0, 3, 2] }), [4, "batch", 12, 10]],
    ["axes taken away", shapeOf("Squeeze", { axes: [-1, 1] }, ["batch", 1, 5, 1]), ["batch", 5]],
    ["axes put in", shapeOf("Unsqueeze", { axes: [1, -1] }, ["batch", 5]), ["batch", 1, 5, 1]],
    [
      "a part cut out",
      shapeOf("Slice", { starts: [-7, 1], ends: [100, 3], axes: [2, 1], steps: [3, 1] }),
      ["batch", 2, 3, 12],
    ],
    [
      "a part up to an end that is far away, the batch whole",
      shapeOf("Slice", { starts: [0, -100], ends: [2 ** 63, 2 ** 31 - 1], axes: [0, 2] }),
      image,
    ],
    [
      "a part cut out backwards",
      shapeOf("Slice", { starts: [-1, 3], ends: [-100, 0], axes: [3, 1], steps: [-5, -1] }),
      ["batch", 3, 10, 3],
    ],
    ["zeros around", shapeOf("Pad", { pads: [0, 0, 1, 2, 0, 0, 3, 0] }), ["batch", 4, 14, 14]],
    [
      "a reflection around one axis",
      shapeOf("Pad", { pads: [0, 0, 9, 0, 0, 0, 1, 0], mode: "reflect" }),
      ["batch", 4, 20, 12],
    ],
    [
      "the edge repeated, and some cut off",
      shapeOf("Pad", { pads: [0, 0, 0, 20, 0, 0, -2, 0], mode: "edge" }),
      ["batch", 4, 8, 32],
    ],
    [
      "a 1-D convolution",
      shapeOf("Conv", { strides: [2], pads: [1, 1], group: 4 }, ["batch", 4, 9], [8, 1, 3]),
      ["batch", 8, 5],
    ],
    [
      "a transposed 1-D convolution",
      shapeOf("ConvTranspose", { strides: [2] }, ["batch", 4, 9], [4, 3, 2]),
      ["batch", 3, 18],
    ],
    [
      "1-D pooling",
      shapeOf("AveragePool", { kernel_shape: [2], strides: [2] }, ["batch", 4, 9]),
      ["batch", 4, 4],
    ],
    ["the largest of each channel", shapeOf("GlobalMaxPool", {}, ["batch", 4, 9]), ["batch", 4, 1]],
    ["the largest of each row", shapeOf("ReduceMax", { axes: [-1], keepdims: 0 }), ["batch", 4, 10]],
    ["channels as pixels", shapeOf("DepthToSpace", { blocksize: 2, mode: "CRD" }), ["batch", 1, 20, 24]],
    ["pixels as channels", shapeOf("SpaceToDepth", { blocksize: 2 }), ["batch", 16, 5, 6]],
    ["a tensor repeated", shapeOf("Expand", { shape: [1, 4, 10, 12] }, ["batch", 4, 1, 1]), image],
    ["a tensor repeated along new axes", shapeOf("Expand", { shape: [5, 1, 1] }, [4, 3]), [5, 4, 3]],
    ["a slope for each channel", shapeOf("PRelu", {}, image, [4, 1, 1]), image],
    ["the smallest of several", shapeOf("Min", {}, ["batch", 4, 1, 12], [10, 1], []), image],
    ["a power", shapeOf("Pow", {}, image, []), image],
    [
      "a normalization of each row",
      shapeOf("LayerNormalization", { axis: -2 }, image, [10, 12], [12]),
      image,
    ],
    [
      "products of matrices, one for each image and head",
      shapeOf("MatMul", {}, ["batch", 4, 10, 7], [4, 7, 5]),
      ["batch", 4, 10, 5],
    ],
    ["an image of another size", shapeOf("Resize", { axes: [2, 3], sizes: [15, 6] }), ["batch", 4, 15, 6]],
    ["an image some times as large", shapeOf("Resize", { scales: [1, 1, 1.5, 0.3] }), ["batch", 4, 15, 3]],
    ...[
      "Clip",
      "LeakyRelu",
      "Elu",
      "HardSigmoid",
      "HardSwish",
      "Gelu",
      "Swish",
      "Mish",
      "Tanh",
      "Softplus",
    ].map((name): [string, Shape, Shape] => [name, shapeOf(name), image]),
    ...["Erf", "Exp", "Sqrt", "Neg", "Abs", "Identity"].map((name): [string, Shape, Shape] => [
      name,
      shapeOf(name),
      image,
    ]),
  ];
  for (const [name, actual, expected] of cases) test(name, () => assert.deepEqual(actual, expected));

  test("tensors side by side is the sum along the axis", () => {
    const graph = graphOf(image, [
      node("Relu", ["x"], "a"),
      node("Concat", ["x", "a", "x"], "y", { axis: -3 }),
    ]);
    assert.deepEqual(inferShapes(graph).get("y"), ["batch", 12, 10, 12]);
  });

  test("parts is one for each", () => {
    const graph = graphOf(image, [node("Split", ["x"], ["a", "b"], { axis: 1, split: [1, 3] })]);
    assert.deepEqual(
      [inferShapes(graph).get("a"), inferShapes(graph).get("b")],
      [
        ["batch", 1, 10, 12],
        ["batch", 3, 10, 12],
      ],
    );
  });
});

test("windows of images are several for each image, and images again", () => {
  const graph = graphOf(image, [
    node("Reshape", ["x"], "cut", { shape: [0, 4, 2, 5, 2, 6] }),
    node("Transpose", ["cut"], "turned", { perm: [0, 2, 4, 1, 3, 5] }),
    node("Reshape", ["turned"], "windows", { shape: [-1, 4, 5, 6] }),
    node("Relu", ["windows"], "r"),
    node("Reshape", ["r"], "flat", { shape: [0, -1] }),
    node("Reshape", ["flat"], "y", { shape: [-1, 4, 10, 12] }),
  ]);
  const shapes = inferShapes(graph);
  assert.deepEqual(
    ["windows", "r", "flat", "y"].map((name) => shapes.get(name)),
    [["4·batch", 4, 5, 6], ["4·batch", 4, 5, 6], ["4·batch", 120], image],
  );
  assert.equal(measure(graph).find(({ node: { operator } }) => operator === "Relu")?.activations, 480);
  assert.deepEqual(inferShapes(fixBatch(graph, 3)).get("windows"), [12, 4, 5, 6]);
});

test("a shuffle of channels leaves the batch open", () => {
  const shuffle = (shape: number[]) =>
    inferShapes(
      graphOf(image, [
        node("Reshape", ["x"], "grouped", { shape }),
        node("Transpose", ["grouped"], "turned", { perm: [0, 2, 1, 3, 4] }),
        node("Reshape", ["turned"], "y", { shape: [-1, 4, 10, 12] }),
      ]),
    ).get("y");
  for (const batch of [0, -1]) assert.deepEqual(shuffle([batch, 2, 2, 10, 12]), image);
});

describe("what does not fit is refused:", () => {
  const cases: [string, () => unknown, RegExp][] = [
    [
      "another number of channels",
      () => shapeOf("Conv", {}, image, [6, 3, 3, 3]),
      /^Conv in y: its weight is for 3 channels, not 4$/,
    ],
    [
      "a window larger than the image",
      () => shapeOf("MaxPool", { kernel_shape: [11, 1] }),
      /^MaxPool in y: its window of 11 is larger than 10/,
    ],
    [
      "sizes that differ",
      () => shapeOf("Add", {}, image, [3, 1, 1]),
      /^Add in y: batch×4×10×12 and 3×1×1 do not fit/,
    ],
    ["a number in the batch's place", () => shapeOf("Add", {}, image, [3, 4, 10, 12]), /do not fit/],
    ["other elements", () => shapeOf("Reshape", { shape: [0, 479] }), /^Reshape in y: .* does not become/],
    [
      "images that their parts do not fill",
      () => shapeOf("Reshape", { shape: [-1, 4, 7] }),
      /^Reshape in y: .* does not become/,
    ],
    [
      "other numbers for each image",
      () =>
        inferShapes(
          graphOf(image, [
            node("Reshape", ["x"], "columns", { shape: [-1, 4, 10, 1] }),
            node("Add", ["columns", "x"], "y"),
          ]),
        ),
      /12·batch×4×10×1 and batch×4×10×12 do not fit/,
    ],
    [
      "an axis that is not there",
      () => shapeOf("Squeeze", { axes: [4] }),
      /^Squeeze in y: there is no axis 4/,
    ],
    [
      "an axis longer than 1 taken away",
      () => shapeOf("Squeeze", { axes: [1] }),
      /axis 1 has length 4, not 1/,
    ],
    [
      "parts that do not make up the whole",
      () => shapeOf("Split", { axis: 1, split: [1, 2] }),
      /parts of 1, 2 do not make up the 4/,
    ],
    [
      "a cut through the batch",
      () => shapeOf("Slice", { starts: [0], ends: [1], axes: [0] }),
      /^Slice in y: it needs a size that is known/,
    ],
    [
      "a slope that is larger than what it bends",
      () => shapeOf("PRelu", {}, ["batch", 4, 1, 1], [4, 3, 1]),
      /^PRelu in y: its slope of 4×3×1 does not fit batch×4×1×1$/,
    ],
    [
      "a scale for other axes than are normalized",
      () => shapeOf("LayerNormalization", { axis: -1 }, image, [10, 12]),
      /^LayerNormalization in y: 10×12 does not fit the axes 12 that it normalizes$/,
    ],
    [
      "a reflection of more than there is",
      () => shapeOf("Pad", { pads: [0, 0, 10, 0, 0, 0, 0, 0], mode: "reflect" }),
      /^Pad in y: 10 elements cannot be reflected 10 times$/,
    ],
    [
      "an unknown padding",
      () => shapeOf("Pad", { pads: [], mode: "wrap" }),
      /^Pad in y: it has no mode wrap$/,
    ],
    [
      "channels that are no whole number of blocks",
      () => shapeOf("DepthToSpace", { blocksize: 3 }),
      /^DepthToSpace in y: 4 channels are no whole number of 3×3 pixels$/,
    ],
    [
      "pixels that are no whole number of blocks",
      () => shapeOf("SpaceToDepth", { blocksize: 4 }),
      /^SpaceToDepth in y: 10×12 pixels are no whole number of 4×4$/,
    ],
    [
      "a tensor repeated along an axis that has a length",
      () => shapeOf("Expand", { shape: [3, 10, 12] }),
      /^Expand in y: .* do not fit/,
    ],
    [
      "a matrix of another depth",
      () => shapeOf("Gemm", { transB: 1 }, ["batch", 7], [5, 8]),
      /rows of 7 with columns of 8/,
    ],
    [
      "an unknown operator",
      () => shapeOf("Frobnicate"),
      /^Frobnicate in y is an operator the graph does not know; it knows Relu, /,
    ],
  ];
  for (const [name, infer, message] of cases)
    test(name, () => {
      assert.throws(infer, { name: "PeaError", message });
    });
});
