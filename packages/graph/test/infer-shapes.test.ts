import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Attributes, inferShapes, type Shape } from "@pea/graph";
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
    ["zeros around", shapeOf("Pad", { pads: [0, 0, 1, 2, 0, 0, 3, 0] }), ["batch", 4, 14, 14]],
    ["an image of another size", shapeOf("Resize", { axes: [2, 3], sizes: [15, 6] }), ["batch", 4, 15, 6]],
    ["an image some times as large", shapeOf("Resize", { scales: [1, 1, 1.5, 0.3] }), ["batch", 4, 15, 3]],
    ["an activation", shapeOf("Clip", { min: 0, max: 6 }), image],
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
      "a batch merged with an axis",
      () => shapeOf("Flatten", { axis: 2 }),
      /^Flatten in y: it merges the batch/,
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
      "a matrix of another depth",
      () => shapeOf("Gemm", { transB: 1 }, ["batch", 7], [5, 8]),
      /rows of 7 with columns of 8/,
    ],
    [
      "an unknown operator",
      () => shapeOf("Mish"),
      /^Mish in y is an operator the graph does not know; it knows Add, /,
    ],
  ];
  for (const [name, infer, message] of cases)
    test(name, () => {
      assert.throws(infer, { name: "PeaError", message });
    });
});
