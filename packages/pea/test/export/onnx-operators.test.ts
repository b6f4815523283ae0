import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  add,
  Conv2d,
  flatten,
  Linear,
  Module,
  memoryStats,
  ReLU,
  reshape,
  Sequential,
  SiLU,
  type Tensor,
  tensor,
} from "@pea/torch";
import { toOnnxNode } from "../../src/export/operators.ts";
import { type GraphOperation, traceNetwork } from "../../src/export/trace.ts";

const image = { name: "x", shape: [3, 8, 10, 12] };

function operation(operator: string, args: unknown[], shape: number[] = image.shape): GraphOperation {
  return { operator, path: "block.part", args: [image, ...args], result: { name: "y", shape } };
}

describe("toOnnxNode", () => {
  const weight = { name: "w", shape: [8, 8, 3, 5] };

  test("spells out the defaults of a convolution", () => {
    const { attributes, inputs } = toOnnxNode(operation("aten::conv2d", [weight]));
    assert.deepEqual(inputs, ["x", "w"]);
    assert.deepEqual(attributes, {
      kernel_shape: [3, 5],
      strides: [1, 1],
      pads: [0, 0, 0, 0],
      dilations: [1, 1],
      group: 1,
    });
  });

  test("writes a 1-D convolution with one value for its axis", () => {
    const kernel = { name: "w", shape: [8, 2, 3] };
    const { opType, attributes } = toOnnxNode(
      operation("aten::conv1d", [kernel, null, 2, [1], 3, 4], [3, 8, 6]),
    );
    assert.equal(opType, "Conv");
    assert.deepEqual(attributes, { kernel_shape: [3], strides: [2], pads: [1, 1], dilations: [3], group: 4 });
  });

  test("keeps height and width apart: ATen pairs become ONNX begins and ends", () => {
    const node = toOnnxNode(operation("aten::conv2d", [weight, null, [2, 1], [1, 2], 3, 4]));
    assert.deepEqual(node.attributes, {
      kernel_shape: [3, 5],
      strides: [2, 1],
      pads: [1, 2, 1, 2],
      dilations: [3, 3],
      group: 4,
    });
  });

  test("turns a transposed convolution over to ONNX with all it has", () => {
    const args = [weight, { name: "b", shape: [8] }, 2, [1, 2], 1, 2, [1, 3]];
    const { opType, inputs, attributes } = toOnnxNode(operation("aten::conv_transpose2d", args));
    assert.equal(opType, "ConvTranspose");
    assert.deepEqual(inputs, ["x", "w", "b"]);
    assert.deepEqual(attributes, {
      kernel_shape: [3, 5],
      strides: [2, 2],
      pads: [1, 2, 1, 2],
      output_padding: [1, 1],
      group: 2,
      dilations: [1, 3],
    });
  });

  test("joins tensors along any dimension but the batch's", () => {
    const joined = (dim?: number) => ({
      ...operation("aten::cat", []),
      args: [[image, { name: "z", shape: image.shape }], dim],
    });
    for (const [dim, axis] of [
      [1, 1],
      [-1, 3],
      [-3, 1],
    ]) {
      const { opType, inputs, attributes } = toOnnxNode(joined(dim));
      assert.deepEqual([opType, inputs, attributes], ["Concat", ["x", "z"], { axis }]);
    }
    for (const dim of [undefined, 0, -4])
      assert.throws(() => toOnnxNode(joined(dim)), /aten::cat in block\.part .* joins batches/);
  });

  test("pads from the last dimension in ATen, begins before ends in ONNX", () => {
    const { integerInputs } = toOnnxNode(operation("aten::pad", [[1, 2, 3, 4]]));
    assert.deepEqual(integerInputs, [[0, 0, 3, 1, 0, 0, 4, 2]]);
  });

  test("pools with the kernel as stride where none is given", () => {
    const { attributes } = toOnnxNode(operation("aten::max_pool2d", [[3, 2]]));
    assert.deepEqual(attributes.strides, [3, 2]);
  });

  test("reshapes without the batch size of the trace", () => {
    const { integerInputs } = toOnnxNode(operation("aten::reshape", [[3, 8, 120]], [3, 8, 120]));
    assert.deepEqual(integerInputs, [[0, 8, 120]]);
  });

  const refused: [string, unknown[], number[], RegExp][] = [
    ["aten::mish", [], image.shape, /aten::mish in block\.part has no mapping to ONNX/],
    ["aten::reshape", [[24, 120]], [24, 120], /aten::reshape in block\.part .* batch dimension/],
    ["aten::add", [image, 2], image.shape, /scales its second operand/],
    ["aten::adaptive_avg_pool2d", [2], [3, 8, 2, 2], /global average/],
    ["aten::batch_norm", [image, image, image, image, true], image.shape, /training mode/],
    ["aten::flatten", [0], [2880], /everything but the batch/],
    ["aten::pad", [[1, 1], "reflect"], image.shape, /zeros/],
    ["aten::conv2d", [weight, null, 1, "same"], image.shape, /argument 4 is not a pair of integers: same/],
    ["aten::linear", [weight], image.shape, /its input has 4 dimensions/],
  ];
  for (const [operator, args, shape, message] of refused) {
    test(`refuses ${operator}(${JSON.stringify(args.filter((arg) => typeof arg !== "object" || Array.isArray(arg)))})`, () => {
      assert.throws(() => toOnnxNode(operation(operator, args, shape)), { name: "PeaError", message });
    });
  }
});

describe("traceNetwork", () => {
  class Net extends Module {
    readonly body = new Sequential(new Conv2d(1, 2, 3), new ReLU());
    readonly fc = new Linear(2 * 36, 3);
    constructor(private readonly middle: (x: Tensor) => Tensor = (x) => flatten(x, { startDim: 1 })) {
      super();
    }
    forward(x: Tensor): Tensor {
      return this.fc.forward(this.middle(this.body.forward(x)));
    }
  }

  test("names operators by module, the input `input` and the output `logits`", () => {
    const { input, output, operations } = traceNetwork(new Net(), [1, 8, 8]);
    assert.equal(input.name, "input");
    assert.equal(output.name, "logits");
    assert.deepEqual(
      operations.map(({ operator, path, result }) => [operator, path, result.name]),
      [
        ["aten::conv2d", "body.0", "body.0"],
        ["aten::relu", "body.1", "body.1"],
        ["aten::flatten", "", "flatten"],
        ["aten::linear", "fc", "logits"],
      ],
    );
  });

  test("leaves out what the output does not depend on", () => {
    const net = new Net((x) => {
      reshape(x, [-1]);
      return flatten(x, { startDim: 1 });
    });
    assert.ok(traceNetwork(net, [1, 8, 8]).operations.every(({ operator }) => operator !== "aten::reshape"));
  });

  test("names the module of an operator without a mapping", () => {
    const net = new Net();
    net.body.replaceModule("1", new SiLU());
    const { operations } = traceNetwork(net, [1, 8, 8]);
    assert.throws(() => operations.map(toOnnxNode), /aten::silu in body\.1 has no mapping/);
  });

  test("refuses a tensor that is not part of the network's state", () => {
    const offset = tensor([1, 2, 3]);
    class WithOffset extends Net {
      override forward(x: Tensor): Tensor {
        return add(super.forward(x), offset);
      }
    }
    assert.throws(
      () => traceNetwork(new WithOffset(), [1, 8, 8]),
      /neither a parameter, a buffer nor the result/,
    );
  });

  test("refuses a network in another precision than float32", () => {
    const net = new Net().to({ dtype: "float64" });
    assert.throws(() => traceNetwork(net, [1, 8, 8]), /"body\.0\.weight" is float64/);
  });

  test("refuses a network that returns its input", () => {
    class Same extends Module {
      forward(x: Tensor): Tensor {
        return x;
      }
    }
    assert.throws(() => traceNetwork(new Same(), [1, 8, 8]), /does not depend on any operator/);
  });

  test("leaves no tensors behind", () => {
    const net = new Net();
    const before = memoryStats().tensors;
    traceNetwork(net, [1, 8, 8]);
    assert.equal(memoryStats().tensors, before);
  });
});
