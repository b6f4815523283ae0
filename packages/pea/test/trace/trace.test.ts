import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inferShapes } from "@pea/graph";
import {
  add,
  avgPool2d,
  Conv1d,
  Conv2d,
  ConvTranspose2d,
  call,
  cat,
  flatten,
  Linear,
  Module,
  maxPool2d,
  memoryStats,
  pad,
  ReLU,
  reshape,
  Sequential,
  type Tensor,
  tensor,
} from "@pea/torch";
import { exportObstacleOf } from "../../src/export/export-obstacle.ts";
import { traceNetwork } from "../../src/trace/trace.ts";
import { FunctionNetwork } from "../support/function-network.ts";

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

const image = [4, 10, 12];
const nodesOf = (model: Module | ((x: Tensor) => Tensor), shape = image) =>
  traceNetwork(model instanceof Module ? model : new FunctionNetwork(model), shape).graph.nodes;

describe("arguments by position become attributes by name:", () => {
  test("the defaults of a convolution are spelled out", () => {
    const [node] = nodesOf(new Conv2d(4, 8, [3, 5], { bias: false }));
    assert.deepEqual(node, {
      operator: "Conv",
      inputs: ["input", "weight"],
      outputs: ["logits"],
      attributes: { kernel_shape: [3, 5], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], group: 1 },
      path: "",
    });
  });

  test("height and width stay apart: ATen's pairs become begins and ends", () => {
    const options = { stride: [2, 1], padding: [1, 2], dilation: 3, groups: 4 } as const;
    const [node] = nodesOf(new Conv2d(4, 8, [3, 5], options));
    assert.deepEqual(node?.attributes, {
      kernel_shape: [3, 5],
      strides: [2, 1],
      pads: [1, 2, 1, 2],
      dilations: [3, 3],
      group: 4,
    });
  });

  test("a 1-D convolution has one value for its axis", () => {
    const [node] = nodesOf(new Conv1d(8, 8, 3, { stride: 2, padding: 1, dilation: 3, groups: 4 }), [8, 9]);
    assert.deepEqual(node?.attributes, {
      kernel_shape: [3],
      strides: [2],
      pads: [1, 1],
      dilations: [3],
      group: 4,
    });
  });

  test("a transposed convolution has all it was given", () => {
    const options = { stride: 2, padding: [1, 2], outputPadding: 1, groups: 2, dilation: [1, 3] } as const;
    const [node] = nodesOf(new ConvTranspose2d(4, 8, [3, 5], options));
    assert.deepEqual([node?.operator, node?.inputs], ["ConvTranspose", ["input", "weight", "bias"]]);
    assert.deepEqual(node?.attributes, {
      kernel_shape: [3, 5],
      strides: [2, 2],
      pads: [1, 2, 1, 2],
      output_padding: [1, 1],
      group: 2,
      dilations: [1, 3],
    });
  });

  test("padding goes from the last axis in ATen, begins before ends in the graph", () => {
    const [node] = nodesOf((x) => pad(x, [1, 2, 3, 4]));
    assert.deepEqual(node?.attributes.pads, [0, 0, 3, 1, 0, 0, 4, 2]);
  });

  test("pooling strides by its kernel where no stride is given", () => {
    assert.deepEqual(nodesOf((x) => maxPool2d(x, [3, 2]))[0]?.attributes.strides, [3, 2]);
    assert.deepEqual(nodesOf((x) => avgPool2d(x, [3, 2]))[0]?.attributes.strides, [3, 2]);
  });

  test("a shape is without the batch of the trace", () => {
    const [node] = nodesOf((x) => reshape(x, [x.shape[0] as number, 8, 60]));
    assert.deepEqual(node?.attributes.shape, [0, 8, 60]);
  });

  test("axes are counted from the front", () => {
    for (const [dim, axis] of [
      [1, 1],
      [-1, 3],
      [-3, 1],
    ])
      assert.equal(nodesOf((x) => cat([x, x], { dim }))[0]?.attributes.axis, axis);
  });
});

describe("traceNetwork", () => {
  test("names values by module, the input `input` and the output `logits`", () => {
    const { graph } = traceNetwork(new Net(), [1, 8, 8]);
    assert.deepEqual(graph.inputs, [{ name: "input", shape: ["batch", 1, 8, 8] }]);
    assert.deepEqual(graph.outputs, ["logits"]);
    assert.deepEqual(
      graph.nodes.map(({ operator, path, outputs }) => [operator, path, ...outputs]),
      [
        ["Conv", "body.0", "body.0"],
        ["Relu", "body.1", "body.1"],
        ["Flatten", "", "flatten"],
        ["Gemm", "fc", "logits"],
      ],
    );
    assert.deepEqual([...graph.constants.keys()].sort(), [
      "body.0.bias",
      "body.0.weight",
      "fc.bias",
      "fc.weight",
    ]);
  });

  test("says what each module read and gave back, inner ones first", () => {
    assert.deepEqual(traceNetwork(new Net(), [1, 8, 8]).calls, [
      { path: "body.0", input: "input", output: "body.0" },
      { path: "body.1", input: "body.0", output: "body.1" },
      { path: "body", input: "input", output: "body.1" },
      { path: "fc", input: "flatten", output: "logits" },
      { path: "", input: "input", output: "logits" },
    ]);
  });

  test("leaves out what the output does not depend on", () => {
    const net = new Net((x) => {
      reshape(x, [-1]);
      return flatten(x, { startDim: 1 });
    });
    assert.ok(nodesOf(net, [1, 8, 8]).every(({ operator }) => operator !== "Reshape"));
  });

  test("keeps an operator without words as a node of its own, with its shape and what is wrong", () => {
    const net = new Net();
    net.body.replaceModule("1", new FunctionNetwork((x) => call("aten::atan", x)));
    const { graph } = traceNetwork(net, [1, 8, 8]);
    const [, atan] = graph.nodes;
    assert.deepEqual([atan?.operator, atan?.inputs, atan?.path], ["aten::atan", ["body.0"], "body.1"]);
    assert.match(atan?.opaque?.reason ?? "", /^aten::atan in body\.1 has no mapping to ONNX/);
    assert.deepEqual(inferShapes(graph).get("body.1"), ["batch", 2, 6, 6]);
    assert.match(
      exportObstacleOf(traceNetwork(net, [1, 8, 8]).graph) ?? "",
      /^aten::atan in body\.1 has no mapping/,
    );
  });

  test("takes what is computed of parameters alone for a constant", () => {
    class Scaled extends Module {
      readonly weight = this.parameter("weight", tensor([[1, 2, 3]]));
      forward(x: Tensor): Tensor {
        return call("aten::linear", x, call("aten::mul.Scalar", this.weight, 2));
      }
    }
    const { graph } = traceNetwork(new Scaled(), [3]);
    assert.deepEqual(
      graph.nodes.map(({ operator, inputs }) => [operator, ...inputs]),
      [["Gemm", "input", "mul/constant"]],
    );
    assert.deepEqual([...(graph.constants.get("mul/constant")?.data ?? [])], [2, 4, 6]);
  });

  test("says of a tensor that is not part of the network's state that it cannot be written", () => {
    const offset = tensor([1, 2, 3]);
    class WithOffset extends Net {
      override forward(x: Tensor): Tensor {
        return add(super.forward(x), offset);
      }
    }
    assert.match(
      exportObstacleOf(traceNetwork(new WithOffset(), [1, 8, 8]).graph) ?? "",
      /^aten::add reads a tensor which is neither a parameter, a buffer nor the result/,
    );
  });

  test("refuses a network in another precision than float32", () => {
    const net = new Net().to({ dtype: "float64" });
    assert.throws(() => traceNetwork(net, [1, 8, 8]), /"body\.0\.weight" is float64/);
  });

  test("refuses a network that returns its input", () => {
    const same = new FunctionNetwork((x) => x);
    assert.throws(() => traceNetwork(same, [1, 8, 8]), /does not depend on any operator/);
  });

  test("puts the mode of every module back", () => {
    const net = new Net();
    net.body.eval();
    traceNetwork(net, [1, 8, 8]);
    assert.deepEqual([net.training, net.body.training, net.fc.training], [true, false, true]);
  });

  test("leaves no tensors behind", () => {
    const net = new Net();
    const before = memoryStats().tensors;
    traceNetwork(net, [1, 8, 8]);
    assert.equal(memoryStats().tensors, before);
  });
});
