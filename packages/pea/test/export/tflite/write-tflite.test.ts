import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { elementsOf, type QuantizedGraph } from "@pea/graph";
import { writeTflite } from "../../../src/export/tflite/write-tflite.ts";
import { QuantizedBuilder, scaled, singleOperators, wideOperators } from "../../support/quantized-cases.ts";
import { type ReadModel, type ReadTensor, readTflite } from "../../support/tflite-reader.ts";

const elementBytes: Readonly<Record<string, number>> = {
  FLOAT32: 4,
  INT8: 1,
  UINT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
};

/** What holds of every file: nothing is read before it is known, constants have as many bytes as their shapes want, and no two tensors one name. */
function assertWhole({ schema, tensors, operators, inputs, outputs }: ReadModel): void {
  assert.equal(schema, 3);
  const known = new Set(inputs);
  for (const tensor of tensors) {
    if (tensor.data === undefined) continue;
    known.add(tensors.indexOf(tensor));
    const bytes = elementsOf(tensor.shape) * (elementBytes[tensor.type] ?? Number.NaN);
    assert.equal(tensor.data.length, bytes, `${tensor.name} of ${tensor.type} ${tensor.shape}`);
    assert.equal((tensor.offset as number) % 16, 0, `${tensor.name} begins at ${tensor.offset}`);
  }
  for (const operator of operators) {
    for (const place of operator.inputs) assert.ok(known.has(place), `${operator.name} reads ${place}`);
    for (const place of operator.outputs) {
      assert.ok(!known.has(place), `${operator.name} computes ${place}, which was known`);
      known.add(place);
    }
  }
  for (const place of outputs) assert.ok(known.has(place));
  assert.equal(
    new Set(tensors.map(({ name }) => name)).size,
    tensors.length,
    String(tensors.map(({ name }) => name)),
  );
  for (const { name, scales, zeroPoints, shape, axis } of tensors) {
    assert.equal(scales.length, zeroPoints.length, name);
    if (scales.length > 1) assert.equal(scales.length, shape[axis], `${name} has scales along axis ${axis}`);
    assert.ok(
      scales.every((scale) => scale > 0),
      name,
    );
  }
}

const bytesOf = (tensor: ReadTensor | undefined): Uint8Array => Uint8Array.from(tensor?.data ?? []);
const int32s = (tensor: ReadTensor | undefined): number[] => [...new Int32Array(bytesOf(tensor).buffer)];

const operatorsOf = (graph: QuantizedGraph, form = {}) =>
  readTflite(writeTflite(graph, form)).operators.map(({ name, version }) => `${name} ${version}`);

const prefixed = (cases: typeof wideOperators) =>
  Object.fromEntries(Object.entries(cases).map(([name, make]) => [`int16: ${name}`, make]));

describe("every file is whole", () => {
  for (const [name, make] of Object.entries({ ...singleOperators, ...prefixed(wideOperators) }))
    test(name, () => {
      for (const ends of ["int8", "float32"] as const)
        assertWhole(readTflite(writeTflite(make(), { inputType: ends, outputType: ends })));
    });
});

describe("operators", () => {
  const written: Readonly<Record<string, readonly string[]>> = {
    "Conv 3×3": ["CONV_2D 3"],
    "Conv 3×3 padded as SAME": ["CONV_2D 3"],
    "Conv 3×3 stride 2 padded on both sides": ["PAD 2", "CONV_2D 3"],
    "Conv in two groups": ["CONV_2D 6"],
    "Conv depthwise, two outputs a channel": ["DEPTHWISE_CONV_2D 3"],
    "ConvTranspose 2×2 stride 2": ["TRANSPOSE_CONV 3"],
    "ConvTranspose 3×3 stride 2, padded by 1, with output padding": ["TRANSPOSE_CONV 3", "SLICE 2"],
    "ConvTranspose 4×4 stride 2, padded by 1": ["TRANSPOSE_CONV 3"],
    "ConvTranspose with ReLU": ["TRANSPOSE_CONV 3", "SLICE 2"],
    Gemm: ["RESHAPE 1", "CONV_2D 3", "RESHAPE 1"],
    "Flatten before Gemm": ["RESHAPE 1", "RESHAPE 1", "CONV_2D 3", "RESHAPE 1"],
    MaxPool: ["MAX_POOL_2D 2"],
    "MaxPool padded on both sides": ["PADV2 2", "MAX_POOL_2D 2"],
    "MaxPool behind ReLU": ["PAD 2", "MAX_POOL_2D 2"],
    "AveragePool with counted padding": ["PAD 2", "AVERAGE_POOL_2D 2"],
    GlobalAveragePool: ["AVERAGE_POOL_2D 2"],
    "Reshape of height and width": ["RESHAPE 1"],
    "Reshape across channels": ["TRANSPOSE 2", "RESHAPE 1", "TRANSPOSE 2"],
    "Channels shuffled": ["RESHAPE 1", "TRANSPOSE 4", "RESHAPE 1"],
    Flatten: ["TRANSPOSE 2", "RESHAPE 1"],
    SpaceToDepth: ["RESHAPE 1", "TRANSPOSE 2", "RESHAPE 1"],
    "Resize, linear, half pixels": ["RESIZE_BILINEAR 3"],
  };
  for (const [name, expected] of Object.entries(written))
    test(`${name}: ${expected.join(", ")}`, () => {
      assert.deepEqual(operatorsOf((singleOperators[name] as () => QuantizedGraph)()), expected);
    });

  test("in 16 bits their versions are others", () => {
    const of = (name: string) => operatorsOf((wideOperators[name] as () => QuantizedGraph)());
    assert.deepEqual(of("Conv 3×3"), ["CONV_2D 4"]);
    assert.deepEqual(of("Conv depthwise"), ["DEPTHWISE_CONV_2D 5"]);
    assert.deepEqual(of("Add"), ["CONV_2D 4", "ADD 3"]);
    assert.deepEqual(of("MaxPool"), ["MAX_POOL_2D 3"]);
  });
});

describe("a convolution", () => {
  const graph = (singleOperators["Conv 3×3 stride 2 padded on both sides"] as () => QuantizedGraph)();
  const { tensors, operators } = readTflite(writeTflite(graph));
  const [, conv] = operators;
  const [, weight, bias] = (conv?.inputs ?? []).map((place) => tensors[place]);

  test("has its weight as [out, rows, columns, in], with a scale for each output", () => {
    assert.deepEqual(weight?.shape, [8, 3, 3, 3]);
    assert.equal(weight?.axis, 0);
    const own = graph.constants.get("Conv0/weight")?.data as Int8Array;
    // Output 2, input channel 1, row 0, column 2.
    const at = (values: ArrayLike<number>, ...places: number[]) =>
      values[places.reduce((sum, place, axis) => sum * ([8, 3, 3, 3][axis] as number) + place, 0)];
    const bytes = new Int8Array(bytesOf(weight).buffer);
    assert.equal(at(bytes, 2, 0, 2, 1), at(own, 2, 1, 0, 2));
    assert.deepEqual(weight?.scales, [...(graph.quantizations.get("Conv0/weight")?.scales ?? [])]);
  });

  test("has a bias of int32 in steps of input and weight", () => {
    assert.equal(bias?.type, "INT32");
    const [first] = graph.quantizations.get("Conv0/weight")?.scales ?? [];
    assert.equal(bias?.scales[0], Math.fround(Math.fround(0.043) * (first as number)));
  });

  test("is padded before it where no padding of the file's is the graph's: VALID, strides of 2", () => {
    assert.deepEqual([conv?.option(0, "byte"), conv?.option(1, "int"), conv?.option(2, "int")], [1, 2, 2]);
    const [pad] = operators;
    const pads = tensors[pad?.inputs[1] as number];
    assert.deepEqual(int32s(pads), [0, 0, 1, 0, 1, 0, 0, 0]);
  });
});

test("fused activations are options: 1 is RELU, 3 is RELU6", () => {
  const fused = (name: string) =>
    readTflite(writeTflite((singleOperators[name] as () => QuantizedGraph)())).operators[0]?.option(
      3,
      "byte",
    );
  assert.deepEqual([fused("Conv 3×3"), fused("Conv with ReLU"), fused("Conv with ReLU6")], [0, 1, 3]);
});

describe("ends", () => {
  const graph = (singleOperators["Conv 3×3"] as () => QuantizedGraph)();
  const ends = (form: object) => {
    const { tensors, inputs, outputs, operators } = readTflite(writeTflite(graph, form));
    const [input, output] = [tensors[inputs[0] as number], tensors[outputs[0] as number]];
    return { input, output, operators: operators.map(({ name }) => name) };
  };

  test("are the network's integers, images with channels last", () => {
    const { input, output } = ends({});
    assert.deepEqual([input?.type, input?.shape, input?.zeroPoints], ["INT8", [1, 9, 9, 3], [5]]);
    assert.deepEqual([output?.type, output?.shape], ["INT8", [1, 7, 7, 8]]);
  });

  test("of uint8 have the same scale and a zero point of 128 more", () => {
    const { input, output, operators } = ends({ inputType: "uint8", outputType: "uint8" });
    assert.deepEqual([input?.type, input?.zeroPoints, output?.type], ["UINT8", [133], "UINT8"]);
    assert.deepEqual(operators, ["QUANTIZE", "CONV_2D", "QUANTIZE"]);
  });

  test("of float32 have no scale", () => {
    const { input, output, operators } = ends({ inputType: "float32", outputType: "float32" });
    assert.deepEqual([input?.type, input?.scales, output?.type], ["FLOAT32", [], "FLOAT32"]);
    assert.deepEqual(operators, ["QUANTIZE", "CONV_2D", "DEQUANTIZE"]);
  });
});

test("a file says what it is and keeps texts by name", () => {
  const graph = (singleOperators["Relu by itself"] as () => QuantizedGraph)();
  const { description, metadata } = readTflite(
    writeTflite(graph, {
      description: "a network",
      metadata: { preprocessing: '{"mean":[½]}', classes: "[]" },
    }),
  );
  assert.equal(description, "a network");
  assert.deepEqual(
    [...metadata],
    [
      ["preprocessing", '{"mean":[½]}'],
      ["classes", "[]"],
    ],
  );
});

describe("what has no form is refused by name", () => {
  const refused = (make: (builder: QuantizedBuilder) => void, reason: RegExp) => {
    const builder = new QuantizedBuilder(["batch", 4, 6, 6], scaled(0.05, 3));
    make(builder);
    assert.throws(() => writeTflite(builder.graph()), { name: "PeaError", message: reason });
  };

  test("an operator without", () => {
    refused(
      (builder) => builder.node("Softmax", ["x"], { axis: 1 }),
      /^Softmax in Softmax has no form in TensorFlow Lite/,
    );
  });

  test("a transposed convolution of groups, dilated, or padded beyond its windows", () => {
    const layer = (attributes: object) => (builder: QuantizedBuilder) =>
      builder.layer("ConvTranspose", "x", [4, 2, 2, 2], { strides: [2, 2], ...attributes });
    refused(layer({ group: 2 }), /^ConvTranspose in ConvTranspose: .* several groups/);
    refused(layer({ dilations: [2, 2] }), /dilated/);
    refused(layer({ output_padding: [1, 1] }), /beyond its windows \(13 of 12\)/);
  });

  test("averages whose padding does not count, on both sides", () => {
    refused(
      (builder) =>
        builder.node("AveragePool", ["x"], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
      /^AveragePool in AveragePool: averages whose padding does not count/,
    );
  });

  test("a network of uint8", () => {
    const builder = new QuantizedBuilder(["batch", 4, 6, 6], scaled(0.05, 3, "uint8"));
    builder.node("Relu", ["x"]);
    assert.throws(() => writeTflite(builder.graph()), /computes in int8 or int16 throughout, not in uint8/);
  });
});
