import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Constant, equalize, floatsOf, type GraphNode } from "@pea/graph";
import { graphOf, node } from "../make-graph.ts";

const image = ["batch", 1, 4, 4] as const;
const tensor = (shape: readonly number[], ...data: number[]): Constant => ({
  shape,
  data: Float32Array.from(data),
});
const conv = (input: string, output: string, name: string, attributes = {}): GraphNode =>
  node("Conv", [input, `${name}.w`, `${name}.b`], output, { kernel_shape: [1, 1], ...attributes });

/** Two channels whose weights are 8 and 1/8 as large as the next layer's, 2 and 8. */
const first = { "a.w": tensor([2, 1, 1, 1], 8, -0.125), "a.b": tensor([2], 4, 1) };
const second = { "b.w": tensor([1, 2, 1, 1], 2, -8), "b.b": tensor([1], 3) };

describe("equalize", () => {
  test("gives channels weights of the same size on both sides of ReLU and pooling", () => {
    const nodes = [
      conv("x", "sum", "a"),
      node("Relu", ["sum"], "r"),
      node("MaxPool", ["r"], "p", { kernel_shape: [2, 2] }),
      conv("p", "y", "b"),
    ];
    const graph = equalize(graphOf(image, nodes, { ...first, ...second }));
    // √(8 · 2) = 4 on both sides, and √(0.125 · 8) = 1.
    assert.deepEqual([...floatsOf(graph, "a.w")], [4, -1]);
    assert.deepEqual([...floatsOf(graph, "b.w")], [4, -1]);
    // The biases of the first layer go with its weights: 8 → 4, 0.125 → 1.
    assert.deepEqual([...floatsOf(graph, "a.b")], [2, 8]);
    assert.deepEqual([...floatsOf(graph, "b.b")], [3]);
  });

  test("follows channels through depthwise layers, flattening and linear layers", () => {
    const nodes = [
      conv("x", "sum", "a"),
      conv("sum", "d", "depthwise", { group: 2 }),
      node("GlobalAveragePool", ["d"], "g"),
      node("Flatten", ["g"], "f", { axis: 1 }),
      node("Gemm", ["f", "fc.w", "fc.b"], "y", { transB: 1 }),
    ];
    const graph = equalize(
      graphOf(image, nodes, {
        ...first,
        "depthwise.w": tensor([2, 1, 1, 1], 1, 1),
        "depthwise.b": tensor([2], 0, 0),
        "fc.w": tensor([1, 2], 1, 1),
        "fc.b": tensor([1], 0),
      }),
    );
    // The three layers' product of a channel stays, spread evenly: 8 = 2 · 2 · 2, 0.125 = 0.5 · 0.5 · 0.5.
    for (const name of ["a.w", "depthwise.w", "fc.w"]) {
      const [one = 0, other = 0] = floatsOf(graph, name).map(Math.abs);
      assert.ok(Math.abs(one - 2) < 1e-3 && Math.abs(other - 0.5) < 1e-3, `${name}: ${one}, ${other}`);
    }
  });

  test("leaves dead channels", () => {
    const dead = { "a.w": tensor([2, 1, 1, 1], 8, 0), "a.b": tensor([2], 4, 1) };
    const graph = equalize(
      graphOf(image, [conv("x", "m", "a"), conv("m", "y", "b")], { ...dead, ...second }),
    );
    assert.deepEqual([...floatsOf(graph, "a.w")], [4, 0]);
    assert.deepEqual([...floatsOf(graph, "b.w")], [4, -8]);
  });

  for (const [name, between] of [
    ["what is bent otherwise", [node("Clip", ["sum"], "m", { min: 0, max: 6 })]],
    ["what others read too", [node("Relu", ["sum"], "m"), node("Add", ["m", "sum"], "aside")]],
  ] as const)
    test(`leaves ${name}`, () => {
      const nodes = [conv("x", "sum", "a"), ...between, conv("m", "y", "b")];
      const graph = equalize(graphOf(image, nodes, { ...first, ...second }));
      assert.deepEqual([...floatsOf(graph, "a.w")], [8, -0.125]);
    });

  test("leaves layers that share weights", () => {
    const square = { "a.w": tensor([1, 1, 1, 1], 8), "a.b": tensor([1], 1) };
    const graph = equalize(graphOf(image, [conv("x", "m", "a"), conv("m", "y", "a")], square));
    assert.deepEqual([...floatsOf(graph, "a.w")], [8]);
  });
});
