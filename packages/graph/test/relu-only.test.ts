import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { activationsOf, type GraphNode, whyNotReluOnly, whySmooth } from "@pea/graph";
import { constant, graphOf, node } from "./make-graph.ts";

const image = ["batch", 2, 4, 4] as const;
const constants = { c: constant(2, 1, 1), w: constant(2, 2, 1, 1), m: constant(4, 4) };
const why = (...nodes: GraphNode[]) => whyNotReluOnly(graphOf(image, nodes, constants));

/** Operator and kind of each activation of a network that ends in these nodes. */
const kinds = (...nodes: GraphNode[]) =>
  activationsOf(graphOf(image, nodes, constants)).map(({ node, kind }) => `${node.operator} ${kind}`);

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

test("what stands in no module is named by the module that computes what it reads", () => {
  const pathless = (...of: Parameters<typeof node>) => ({ ...node(...of), path: "" });
  const product = pathless("MatMul", ["b", "x"], "y");
  assert.match(
    why(node("Relu", ["x"], "a"), pathless("Transpose", ["a"], "b"), product) ?? "",
    /^MatMul behind a mul/,
  );
  assert.match(why(pathless("MatMul", ["x", "x"], "y")) ?? "", /^MatMul multiplies/);
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
    ["a division by the spread", [node("LayerNormalization", ["x"], "y")], /^LayerNormalization in y/],
  ];
  for (const [name, nodes, message] of bent)
    test(name, () => {
      assert.match(why(...nodes) ?? "", message);
    });

  test("whatever an unknown operator may be", () => {
    const opaque = { reason: "aten::mish in act has no form", shapes: [image] };
    const unknown = { ...node("aten::mish", ["x"], "y"), opaque };
    assert.equal(why(unknown), opaque.reason);
    assert.equal(whySmooth(graphOf(image, [unknown])), opaque.reason);
  });
});

describe("activations are told apart:", () => {
  const attributes = { min: 0, max: 6 };

  test("straight pieces between bounds, and without", () => {
    const nodes = [
      node("Relu", ["x"], "a"),
      node("Clip", ["a"], "b", attributes),
      node("HardSigmoid", ["b"], "c"),
      node("Max", ["c", "x"], "d"),
      node("Min", ["d", "c"], "e"),
      node("LeakyRelu", ["e"], "f"),
      node("PRelu", ["f", "c"], "g"),
      node("Abs", ["g"], "y"),
    ];
    assert.deepEqual(kinds(...nodes), [
      "Relu relu",
      "Clip clip",
      "HardSigmoid clip",
      "Max clip",
      "Min clip",
      "LeakyRelu slope",
      "PRelu slope",
      "Abs slope",
    ]);
  });

  for (const operator of [
    "Gelu",
    "Swish",
    "Mish",
    "Elu",
    "Tanh",
    "HardSwish",
    "Softplus",
    "Erf",
    "Exp",
    "Sqrt",
  ])
    test(`${operator} is smooth`, () =>
      assert.deepEqual(kinds(node(operator, ["x"], "y")), [`${operator} smooth`]));

  test("a division by the spread is a normalization, one by what batches had in common none", () => {
    const nodes = [
      node("LayerNormalization", ["x"], "a"),
      node("BatchNormalization", ["a", "c", "c", "c", "c"], "y"),
    ];
    assert.deepEqual(kinds(...nodes), ["LayerNormalization normalization"]);
  });

  const pooled = (gate: GraphNode[]) => [
    node("GlobalAveragePool", ["x"], "mean"),
    node("Conv", ["mean", "w"], "s"),
    ...gate,
  ];
  const gated: [string, GraphNode[], string[]][] = [
    [
      "a Sigmoid that multiplies another tensor is a gate, and the product no activation",
      pooled([node("Sigmoid", ["s"], "g"), node("Mul", ["x", "g"], "y")]),
      ["Sigmoid gate"],
    ],
    [
      "so it is in another shape, scaled, and where it multiplies several",
      pooled([
        node("HardSigmoid", ["s"], "g"),
        node("Mul", ["g", "c"], "twice"),
        node("Reshape", ["twice"], "r", { shape: [0, 2, 1, 1] }),
        node("Mul", ["r", "x"], "a"),
        node("Mul", ["mean", "r"], "b"),
        node("Add", ["a", "b"], "y"),
      ]),
      ["HardSigmoid gate"],
    ],
    [
      "an image of gates may be scaled before it multiplies",
      [
        node("AveragePool", ["x"], "small", { kernel_shape: [2, 2], strides: [2, 2] }),
        node("Conv", ["small", "w"], "s"),
        node("Sigmoid", ["s"], "g"),
        node("Resize", ["g"], "large", { axes: [2, 3], sizes: [4, 4] }),
        node("Mul", ["x", "large"], "y"),
      ],
      ["Sigmoid gate"],
    ],
    [
      "a Clip between bounds is one where it does the same",
      pooled([
        node("Add", ["s", "c"], "shifted"),
        node("Clip", ["shifted"], "g", attributes),
        node("Div", ["g", "c"], "part"),
        node("Mul", ["x", "part"], "y"),
      ]),
      ["Clip gate"],
    ],
    [
      "a Softmax over branches is one where it weighs them",
      pooled([
        node("Softmax", ["s"], "g", { axis: 1 }),
        node("Mul", ["x", "g"], "weighed"),
        node("ReduceSum", ["weighed"], "y", { axes: [1] }),
      ]),
      ["Softmax gate"],
    ],
    [
      "one half of a tensor may be the other's gate",
      [
        node("Split", ["x"], ["a", "b"], { axis: 1, split: [1, 1] }),
        node("Sigmoid", ["b"], "g"),
        node("Mul", ["a", "g"], "y"),
      ],
      ["Sigmoid gate"],
    ],
    [
      "one that multiplies what it is made of is smooth: Swish, and its product",
      [node("Sigmoid", ["x"], "s"), node("Mul", ["x", "s"], "y")],
      ["Sigmoid smooth", "Mul smooth"],
    ],
    [
      "also by detours: hard swish taken apart",
      [
        node("Add", ["x", "c"], "shifted"),
        node("Clip", ["shifted"], "g", attributes),
        node("Mul", ["x", "g"], "product"),
        node("Div", ["product", "c"], "y"),
      ],
      ["Clip clip", "Mul smooth"],
    ],
    [
      "one whose values also go elsewhere is none",
      pooled([node("Sigmoid", ["s"], "g"), node("Mul", ["x", "g"], "a"), node("Add", ["a", "g"], "y")]),
      ["Sigmoid smooth", "Mul smooth"],
    ],
    [
      "its own square neither",
      pooled([node("Sigmoid", ["s"], "g"), node("Mul", ["g", "g"], "y")]),
      ["Sigmoid smooth", "Mul smooth"],
    ],
  ];
  for (const [name, nodes, expected] of gated) test(name, () => assert.deepEqual(kinds(...nodes), expected));
});

test("whySmooth lets everything pass but smooth activations, of which it names the first", () => {
  const smooth = (...nodes: GraphNode[]) => whySmooth(graphOf(image, nodes, constants));
  const straight = [node("Relu", ["x"], "a"), node("LeakyRelu", ["a"], "b"), node("Clip", ["b"], "y")];
  assert.equal(smooth(...straight), null);
  assert.equal(
    smooth(...straight, node("Gelu", ["y"], "act"), node("Mish", ["act"], "z")),
    "Gelu in act is an activation: a deployed network has no smooth activation",
  );
});
