/** What cannot be imported is refused with a sentence that names it, and the way out. */
import assert from "node:assert/strict";
import { symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { PeaError } from "@pea/core";
import onnxProto from "onnx-proto";
import { type ImportOptions, importOnnx } from "../../../src/import/onnx/import-onnx.ts";
import { bytesOf, type Contents, fileOf, floats, integers, modelOf } from "./make-file.ts";

const { onnx } = onnxProto;
const relu: Contents = { nodes: [["Relu", ["x"], ["y"]]] };

async function assertRefused(
  file: Contents | Uint8Array | string,
  reason: RegExp,
  options: ImportOptions = {},
) {
  const path = typeof file === "string" ? file : fileOf(file);
  await assert.rejects(importOnnx(path, options), (error) => {
    assert.ok(error instanceof PeaError, String(error));
    assert.equal(error.kind, "usage");
    assert.match(error.message, reason);
    return true;
  });
}

test("a file that is not there, is none of ONNX, or is cut", async () => {
  await assertRefused("/nowhere/network.onnx", /Cannot read \/nowhere\/network.onnx/);
  await assertRefused(new TextEncoder().encode("no network at all"), /is not an ONNX model or is damaged/);
  await assertRefused(new Uint8Array(), /is not an ONNX model: it holds no operators/);
  const whole = bytesOf(modelOf({ ...relu, tensors: [floats("w", [4])] }));
  await assertRefused(whole.subarray(0, whole.length - 3), /\d+ bytes are wanted where \d+ are left/);
});

/** A file that takes elements by these places, row and column of each, as a row of an image. */
function takenFrom(places: readonly number[]): Contents {
  return {
    nodes: [
      ["Transpose", ["x"], ["t"], { perm: [2, 3, 0, 1] }],
      ["GatherND", ["t", "i"], ["g"]],
      ["Transpose", ["g"], ["y"], { perm: [2, 3, 0, 1] }],
    ],
    tensors: [{ ...integers("i", places), dims: [1, places.length / 2, 2] }],
  };
}

const refusals: Record<string, [Contents, RegExp, ImportOptions?]> = {
  "an operator that is not followed": [
    { nodes: [["GridSample", ["x", "x"], ["y"]]] },
    /GridSample GridSample_node: an operator that is not followed; docs\/import.md lists/,
  ],
  "an operator that is not followed, whatever is computed for it": [
    {
      nodes: [
        ["Shape", ["x"], ["n"]],
        ["Mul", ["n", "n"], ["square"]],
        ["LSTM", ["x", "square"], ["y"]],
      ],
    },
    /LSTM LSTM_node: a recurrent network is not followed/,
  ],
  "a list of weights where a shape is meant": [
    { nodes: [["Reshape", ["x", "w"], ["y"]]], tensors: [floats("w", [400])] },
    /Reshape .*: its shape is of 400 axes$/,
  ],
  "a quantized file": [
    { nodes: [["QuantizeLinear", ["x", "s"], ["y"]]], tensors: [floats("s", [])] },
    /QuantizeLinear .*: the file is quantized: give the network as it was before/,
  ],
  "a layout for one processor": [
    { nodes: [["ReorderInput", ["x"], ["y"]]], domains: { "com.microsoft.nchwc": "ReorderInput" } },
    /ReorderInput .*: ONNX Runtime has laid the file out for one processor/,
  ],
  "a graph within a graph": [
    { nodes: [["If", ["c"], ["y"]]], tensors: [floats("c", [])] },
    /If If_node: a branch is not followed: export the network for images of a fixed size/,
  ],
  "a foreign domain": [
    { nodes: [["Magic", ["x"], ["y"]]], domains: { "some.where": "Magic" } },
    /Magic .*domain some.where/,
  ],
  "several outputs": [{ ...relu, outputs: ["y", "x"] }, /has 2 outputs: y, x; say which one is meant/],
  "an output that there is none of": [
    relu,
    /has no output z, and no node that computes it; its outputs are y/,
    { output: "z" },
  ],
  "another input without a value": [
    {
      nodes: [["Sub", ["x", "mean"], ["y"]]],
      inputs: [
        ["x", ["N", 3, 8, 8]],
        ["mean", [3]],
      ],
    },
    /wants a value for mean beside the image: .*Normalization; use Rescaling/,
  ],
  "rows in the place of images": [
    { ...relu, inputs: [["x", ["N", 784]]] },
    /takes x: none is a batch of images/,
  ],
  "an image of bytes": [{ ...relu, elementType: 2 }, /takes x as uint8: export it for images of float32/],
  "an open image size": [
    { ...relu, inputs: [["x", ["N", 3, "H", "W"]]] },
    /leaves the height and width of x open: say the image size/,
  ],
  "an opset that is not known": [{ ...relu, opset: 6 }, /is of opset 6: export it with one from 7 to 26/],
  "two weights of one name": [
    { nodes: [["Add", ["x", "w"], ["y"]]], tensors: [floats("w", [8]), floats("w", [8])] },
    /there are two weights w/,
  ],
  "a size for some of the axes": [
    { nodes: [["Resize", ["x", "", "", "s"], ["y"]]], tensors: [integers("s", [16, 16])] },
    /Resize Resize_node: it has 2 sizes for 4 axes/,
  ],
  "pixels placed in a way that is not followed": [
    {
      nodes: [["Resize", ["x", "", "s"], ["y"], { coordinate_transformation_mode: "tf_crop_and_resize" }]],
      tensors: [floats("s", [4], [1, 1, 2, 2])],
    },
    /Resize Resize_node: it places pixels by tf_crop_and_resize/,
  ],
  antialiasing: [
    {
      nodes: [["Resize", ["x", "", "s"], ["y"], { mode: "linear", antialias: 1 }]],
      tensors: [floats("s", [4], [1, 1, 0.5, 0.5])],
      opset: 18,
    },
    /Resize Resize_node: it scales with antialiasing, which is not followed/,
  ],
  "places of the largest elements that are read": [
    {
      nodes: [
        ["MaxPool", ["x"], ["p", "places"], { kernel_shape: [2, 2] }],
        ["Cast", ["places"], ["y"], { to: 1 }],
      ],
    },
    /MaxPool MaxPool_node: it gives the places of the largest elements, which are not followed/,
  ],
  "windows of an image as answers": [
    { nodes: [["Reshape", ["x", "s"], ["y"]]], tensors: [integers("s", [-1, 3, 4, 4])] },
    /the output y has several rows for each image, 4·batch×3×4×4: a network here gives one answer to each/,
  ],
  "images that do not fill their windows": [
    { nodes: [["Reshape", ["x", "s"], ["y"]]], tensors: [integers("s", [-1, 3, 5, 5])] },
    /Reshape Reshape_node: it puts several images on one axis .* earlier exporter \(dynamo=False\) may write/,
  ],
  "a number of rows where that of images is open": [
    { nodes: [["Reshape", ["x", "s"], ["y"]]], tensors: [integers("s", [1, -1])] },
    /Reshape Reshape_node: it puts several images on one axis with something else/,
  ],
  "elements of several images in another order": [
    {
      nodes: [
        ["Reshape", ["x", "row"], ["r"]],
        ["Gather", ["r", "places"], ["y"]],
      ],
      tensors: [integers("row", [-1]), integers("places", [1, 0])],
    },
    /Gather Gather_node: it takes other elements of several images in a row than all of them in their order/,
  ],
  "the numbers of images as numbers": [
    {
      nodes: [
        ["Shape", ["x"], ["n"], { start: 0, end: 1 }],
        ["Squeeze", ["n"], ["count"]],
        ["Range", ["zero", "count", "one"], ["i"]],
        ["Mul", ["i", "i"], ["y"]],
      ],
      tensors: [
        { ...integers("zero", [0]), dims: [] },
        { ...integers("one", [1]), dims: [] },
      ],
    },
    /Mul Mul_node: it computes with the number of each image in a way that is not followed/,
  ],
  "elements by their places, of images that are not turned": [
    { nodes: [["GatherND", ["x", "i"], ["y"]]], tensors: [{ ...integers("i", [0, 0]), dims: [1, 2] }] },
    /GatherND GatherND_node: it takes elements of an image by their places in a way that is neither a pool nor scaling/,
  ],
  "elements in the place of some others": [
    {
      nodes: [["ScatterND", ["x", "i", "x"], ["y"]]],
      tensors: [{ ...integers("i", [0]), dims: [1, 1] }],
    },
    /ScatterND ScatterND_node: it puts elements in the place of some others, which is not followed/,
  ],
  "elements by places beyond the image": [
    takenFrom([0, 8]),
    /GatherND GatherND_node: there is no element 0, 8 of 8×8/,
  ],
  "elements by their places that are no windows": [
    takenFrom([1, 0, 0, 1]),
    /Transpose Transpose_node2: it takes elements of an image by their places in a way that is neither/,
  ],
  "a value that nothing computes": [
    { nodes: [["Add", ["x", "z"], ["y"]]] },
    /nothing computes z, which is an input of Add/,
  ],
  "a value that is computed twice": [
    {
      nodes: [
        ["Relu", ["x"], ["y"]],
        ["Abs", ["x"], ["y"]],
      ],
    },
    /y is computed twice, by Abs/,
  ],
  "a node that hangs on itself": [
    {
      nodes: [
        ["Add", ["x", "b"], ["a"]],
        ["Relu", ["a"], ["b"]],
      ],
    },
    /Add Add_node hangs on its own result/,
  ],
  "a tensor that is cut": [
    { nodes: [["Add", ["x", "w"], ["y"]]], tensors: [{ ...floats("w", [8]), dims: [1000000000, 8] }] },
    /the tensor w is said to be 1000000000×8, but holds 8 elements/,
  ],
  "a tensor of a negative size": [
    { nodes: [["Add", ["x", "w"], ["y"]]], tensors: [{ ...floats("w", [8]), dims: [-8] }] },
    /the tensor w is said to be -8/,
  ],
  "a small file that wants much memory": [
    {
      nodes: [
        ["ConstantOfShape", ["size"], ["w"]],
        ["Add", ["x", "w"], ["y"]],
      ],
      tensors: [integers("size", [100000, 100000, 1])],
    },
    /makes 100000×100000×1 elements of nothing/,
  ],
  "weights that do not fit": [
    { nodes: [["Conv", ["x", "w"], ["y"]]], tensors: [floats("w", [4, 5, 1, 1])] },
    /Conv Conv_node: .*its weight is for 5 channels, not 3/,
  ],
  "a shape that hangs on the image": [
    { nodes: [["Reshape", ["x", "x"], ["y"]]] },
    /Reshape Reshape_node: its shape is computed from the image/,
  ],
  "some images of a batch": [
    { nodes: [["Slice", ["x"], ["y"], { starts: [0], ends: [1], axes: [0] }]], opset: 9 },
    /Slice_node: it takes some images of the batch/,
  ],
  "a comparison that is part of nothing": [
    {
      nodes: [
        ["Greater", ["x", "n"], ["g"]],
        ["Where", ["g", "n", "x"], ["y"]],
      ],
      tensors: [floats("n", [], [0.5])],
    },
    /Greater Greater_node: it compares or chooses/,
  ],
  "an output that hangs on no image": [
    { nodes: [["Relu", ["w"], ["y"]]], tensors: [floats("w", [4])] },
    /the output y does not hang on/,
  ],
};

for (const [name, [contents, reason, options]] of Object.entries(refusals))
  test(name, () => assertRefused(contents, reason, options));

test("graphs within graphs are not gone into, however deep", async () => {
  const model = modelOf({ nodes: [["Relu", ["x"], ["r"]]], tensors: [floats("c", [])], outputs: ["y"] });
  const name = (text: string) => new TextEncoder().encode(text);
  // A graph (field 1: nodes) of a node (5: attributes) of an attribute (6: a graph).
  let inner: Uint8Array = new Uint8Array();
  for (let depth = 0; depth < 2000; depth++) inner = field(1, field(5, field(6, inner)));
  const branch = Buffer.concat([
    field(1, name("c")),
    field(2, name("y")),
    field(4, name("If")),
    field(5, field(6, inner)),
  ]);
  const graph = Buffer.concat([onnx.GraphProto.encode(model.graph ?? {}).finish(), field(1, branch)]);
  const file = Buffer.concat([bytesOf({ ...model, graph: null }), field(7, graph)]);
  await assertRefused(file, /If y: a branch is not followed/);
});

/** A field of bytes, as protocol buffers have it. */
function field(number: number, content: Uint8Array): Uint8Array {
  const length: number[] = [];
  for (let left = content.length; ; left >>= 7) {
    length.push(left > 127 ? (left & 127) | 128 : left);
    if (left <= 127) return Buffer.concat([Uint8Array.of(number * 8 + 2, ...length), content]);
  }
}

/** A file whose tensor `w` lies in another one. */
function withExternal(location: string, length = 32): Uint8Array {
  const model = modelOf({
    nodes: [["Add", ["x", "w"], ["y"]]],
    tensors: [{ name: "w", dims: [8], dataType: 1 }],
  });
  const [tensor] = model.graph?.initializer ?? [];
  Object.assign(tensor as object, {
    dataLocation: 1,
    externalData: [
      { key: "location", value: location },
      { key: "length", value: `${length}` },
    ],
  });
  return bytesOf(model);
}

test("weights in another file that is not there, is cut, or lies outside the folder", async () => {
  await assertRefused(
    withExternal("weights.bin"),
    /keeps its weights in weights.bin, which is not there: copy both files/,
  );
  await assertRefused(withExternal("../weights.bin"), /looks for w in ..\/weights.bin, outside its folder/);
  await assertRefused(withExternal("/etc/passwd"), /looks for w in \/etc\/passwd, outside its folder/);
  const cut = fileOf(withExternal("weights.bin"));
  writeFileSync(join(dirname(cut), "weights.bin"), new Uint8Array(12));
  await assertRefused(cut, /wants 32 bytes from 0 on of weights.bin, which has 12, for w: the file is cut/);
  const linked = fileOf(withExternal("weights.bin"));
  symlinkSync("/etc/passwd", join(dirname(linked), "weights.bin"));
  await assertRefused(linked, /in weights.bin, a link that leads outside its folder/);
});
