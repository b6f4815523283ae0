/** Activations by their formulas. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Graph, GraphNode } from "@pea/graph";
import { recognizeActivations } from "../../../src/import/onnx/passes/recognize-activations.ts";

type Input = string | number;
type Step = readonly [operator: string, ...inputs: Input[]];

/** The graph of steps in a row; an input is "x", the number of a step before, as "#0", or a number. */
function graphOf(steps: readonly Step[], shape = [3, 4, 4]): Graph {
  const constants = new Map();
  const nameOf = (input: Input): string => {
    if (typeof input === "string") return input;
    constants.set(`${input}`, { shape: [], data: Float32Array.of(input) });
    return `${input}`;
  };
  const nodes = steps.map(([operator, ...inputs], i): GraphNode => {
    const node = { operator, inputs: inputs.map(nameOf), outputs: [`#${i}`], attributes: {}, path: "" };
    if (operator !== "Clip") return knownOrOpaque(node, shape);
    const [value = "", min, max] = inputs;
    const bounds = {
      ...(min !== undefined && { min: Number(min) }),
      ...(max !== undefined && { max: Number(max) }),
    };
    return { ...node, inputs: [String(value)], attributes: bounds };
  });
  const inputs = [
    { name: "x", shape: ["batch" as const, ...shape] },
    { name: "y", shape: ["batch" as const, ...shape] },
  ];
  return { inputs, outputs: [`#${steps.length - 1}`], nodes, constants };
}

/** Comparisons are none of the graph's words. */
function knownOrOpaque(node: GraphNode, shape: number[]): GraphNode {
  const isForeign = ["Greater", "LessOrEqual", "Where", "Erfc"].includes(node.operator);
  return isForeign ? { ...node, opaque: { reason: "foreign", shapes: [["batch", ...shape]] } } : node;
}

const operatorsIn = (steps: readonly Step[]) =>
  recognizeActivations(graphOf(steps)).nodes.map(({ operator }) => operator);

const halfSqrt = Math.SQRT1_2;
const spellings: Record<string, readonly (readonly Step[])[]> = {
  Swish: [
    [
      ["Sigmoid", "x"],
      ["Mul", "x", "#0"],
    ],
    [
      ["Sigmoid", "x"],
      ["Mul", "#0", "x"],
    ],
    [
      ["Neg", "x"],
      ["Exp", "#0"],
      ["Add", "#1", 1],
      ["Div", "x", "#2"],
    ],
    [
      ["Mul", "x", 1.702],
      ["Sigmoid", "#0"],
      ["Mul", "x", "#1"],
    ],
  ],
  Gelu: [
    [
      ["Div", "x", Math.SQRT2],
      ["Erf", "#0"],
      ["Add", "#1", 1],
      ["Mul", "x", "#2"],
      ["Mul", "#3", 0.5],
    ],
    [
      ["Mul", "x", 0.5],
      ["Mul", "x", halfSqrt],
      ["Erf", "#1"],
      ["Add", 1, "#2"],
      ["Mul", "#0", "#3"],
    ],
    [
      ["Mul", "x", -halfSqrt],
      ["Erfc", "#0"],
      ["Mul", 0.5, "x"],
      ["Mul", "#2", "#1"],
    ],
    [
      ["Pow", "x", 3],
      ["Mul", "#0", 0.044715],
      ["Add", "x", "#1"],
      ["Mul", "#2", 0.7978845608],
      ["Tanh", "#3"],
      ["Add", "#4", 1],
      ["Mul", "x", 0.5],
      ["Mul", "#6", "#5"],
    ],
    [
      ["Mul", "x", "x"],
      ["Mul", "#0", "x"],
      ["Mul", "#1", 0.044715],
      ["Add", "#2", "x"],
      ["Mul", 0.7978845608, "#3"],
      ["Tanh", "#4"],
      ["Add", 1, "#5"],
      ["Mul", "#6", "x"],
      ["Mul", 0.5, "#7"],
    ],
  ],
  Mish: [
    [
      ["Softplus", "x"],
      ["Tanh", "#0"],
      ["Mul", "x", "#1"],
    ],
    [
      ["Softplus", "x"],
      ["Greater", "x", 20],
      ["Where", "#1", "x", "#0"],
      ["Tanh", "#2"],
      ["Mul", "#3", "x"],
    ],
  ],
  HardSwish: [
    [
      ["Add", "x", 3],
      ["Clip", "#0", 0, 6],
      ["Mul", "x", "#1"],
      ["Div", "#2", 6],
    ],
    [
      ["Add", "x", 3],
      ["Clip", "#0", 0, 6],
      ["Div", "#1", 6],
      ["Mul", "x", "#2"],
    ],
    [
      ["Add", 3, "x"],
      ["Clip", "#0", 0, 6],
      ["Mul", "x", "#1"],
      ["Mul", "#2", 1 / 6],
    ],
    [
      ["Add", 3, "x"],
      ["Clip", "#0", 0, 6],
      ["Mul", 1 / 6, "#1"],
      ["Mul", "#2", "x"],
    ],
  ],
  Relu: [
    [["Max", "x", 0]],
    [["Max", 0, "x"]],
    [["Clip", "x", 0]],
    [
      ["LessOrEqual", "x", 0],
      ["Where", "#0", 0, "x"],
    ],
    [
      ["Greater", "x", 0],
      ["Where", "#0", "x", 0],
    ],
  ],
  LeakyRelu: [
    [
      ["Mul", "x", 0.1],
      ["Max", "x", "#0"],
    ],
  ],
  Clip: [
    [
      ["Relu", "x"],
      ["Clip", "#0", 0, 6],
    ],
    [
      ["Max", "x", 0],
      ["Min", "#0", 6],
    ],
  ],
  HardSigmoid: [
    [
      ["Add", "x", 3],
      ["Clip", "#0", 0, 6],
      ["Div", "#1", 6],
    ],
    [
      ["Mul", "x", 0.2],
      ["Add", "#0", 0.5],
      ["Clip", "#1", 0, 1],
    ],
  ],
};

for (const [operator, ways] of Object.entries(spellings))
  ways.forEach((steps, i) => {
    test(`${operator} in spelling ${i + 1} is one node`, () => {
      assert.deepEqual(operatorsIn(steps), [operator]);
    });
  });

test("a gate multiplies another tensor than the one it is made of, and stays", () => {
  assert.deepEqual(
    operatorsIn([
      ["Sigmoid", "x"],
      ["Mul", "y", "#0"],
    ]),
    ["Sigmoid", "Mul"],
  );
});

test("what looks like GELU with another number stays as it is", () => {
  const steps: Step[] = [
    ["Div", "x", 1.5],
    ["Erf", "#0"],
    ["Add", "#1", 1],
    ["Mul", "x", "#2"],
    ["Mul", "#3", 0.5],
  ];
  assert.equal(operatorsIn(steps).length, 5);
});

test("a sigmoid that is also read elsewhere stays beside the activation", () => {
  const steps: Step[] = [
    ["Sigmoid", "x"],
    ["Mul", "x", "#0"],
    ["Add", "#0", "#1"],
  ];
  assert.deepEqual(operatorsIn(steps), ["Sigmoid", "Swish", "Add"]);
});

test("relu(x) minus a slope times relu(−x) is a PReLU, its slope for each channel", () => {
  const graph = graphOf([
    ["Relu", "x"],
    ["Neg", "x"],
    ["Relu", "#1"],
    ["Mul", "#2", "slope"],
    ["Add", "#0", "#3"],
  ]);
  const slope = { shape: [3, 1, 1], data: Float32Array.of(-0.1, -0.2, -0.3) };
  const { nodes, constants } = recognizeActivations({ ...graph, constants: new Map([["slope", slope]]) });
  assert.deepEqual(
    nodes.map(({ operator }) => operator),
    ["PRelu"],
  );
  const own = constants.get(nodes[0]?.inputs[1] ?? "");
  assert.deepEqual(own?.shape, [3, 1, 1]);
  assert.deepEqual([...(own?.data ?? [])], [...Float32Array.of(0.1, 0.2, 0.3)]);
});

test("products of products of one tensor are followed only so far", () => {
  const steps = Array.from(
    { length: 60 },
    (_, i): Step => ["Mul", i === 0 ? "x" : `#${i - 1}`, i === 0 ? "x" : `#${i - 1}`],
  );
  assert.equal(operatorsIn(steps).length, 60);
});
