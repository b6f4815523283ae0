import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { activationsOf, type GraphNode, whyNotReluOnly } from "@pea/graph";
import { constant, graphOf, node } from "./make-graph.ts";

const image = ["batch", 2, 4, 4] as const;
const constants = { c: constant(2, 1, 1), w: constant(2, 2, 1, 1), m: constant(4, 4) };
const why = (...nodes: GraphNode[]) => whyNotReluOnly(graphOf(image, nodes, constants));

describe("no activation is", () => {
  const linear: [string, GraphNode[]][] = [
    ["Relu itself", [node("Conv", ["x", "w"], "a"), node("Relu", ["a"], "y")]],
    ["a product with a constant", [node("Mul", ["c", "x"], "y")]],
    [
      "a product with what is made of constants",
      [node("Add", ["c", "c"], "a"), node("Sigmoid", ["a"], "b"), node("Mul", ["x", "b"], "y")],
    ],
    ["a quotient by a constant", [node("Div", ["x", "c"], "y")]],
    ["a product with a weight matrix", [node("MatMul", ["x", "m"], "y")]],
    [
      "a sum, a mean, an image of another size",
      [
        node("Add", ["x", "x"], "a"),
        node("ReduceMean", ["a"], "b", { axes: [1] }),
        node("Resize", ["b"], "y", {}),
      ],
    ],
    ["the largest of several", [node("MaxPool", ["x"], "y", { kernel_shape: [2, 2] })]],
    ["a Softmax that is the answer", [node("Softmax", ["x"], "y", { axis: 1 })]],
    [
      "a Sigmoid that is the answer in another shape",
      [node("Sigmoid", ["x"], "a"), node("Flatten", ["a"], "y")],
    ],
  ];
  for (const [name, nodes] of linear) test(name, () => assert.equal(why(...nodes), null));
});

describe("an activation other than Relu is", () => {
  const bent: [string, GraphNode[], RegExp][] = [
    [
      "ReLU6",
      [node("Clip", ["x"], "y", { min: 0, max: 6 })],
      /^Clip in y is an activation: .* no activation but Relu$/,
    ],
    [
      "a Sigmoid on the way",
      [node("Sigmoid", ["x"], "gate"), node("Mul", ["x", "gate"], "y")],
      /^Sigmoid in gate is an/,
    ],
    [
      "a Softmax that goes on",
      [node("Softmax", ["x"], "s"), node("Conv", ["s", "w"], "y")],
      /^Softmax in s is an/,
    ],
    ["a square", [node("Mul", ["x", "x"], "y")], /^Mul in y multiplies or divides what was computed by what/],
    ["a constant over what was computed", [node("Div", ["c", "x"], "y")], /^Div in y multiplies or divides/],
    ["a product of computed matrices", [node("MatMul", ["x", "x"], "y")], /^MatMul in y/],
  ];
  for (const [name, nodes, message] of bent)
    test(name, () => {
      assert.match(why(...nodes) ?? "", message);
    });

  test("whatever an unknown operator may be", () => {
    const opaque = { reason: "aten::mish in act has no form", shapes: [image] };
    assert.equal(why({ ...node("aten::mish", ["x"], "y"), opaque }), opaque.reason);
  });
});

test("activationsOf names each, Relu among them", () => {
  const nodes = [node("Relu", ["x"], "a"), node("Clip", ["a"], "b"), node("Softmax", ["b"], "y")];
  assert.deepEqual(
    activationsOf(graphOf(image, nodes)).map(({ operator }) => operator),
    ["Relu", "Clip"],
  );
});
