import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Constant, floatsOf, type Graph, prepare } from "@pea/graph";
import { constant, graphOf, node } from "../make-graph.ts";

const image = ["batch", 2, 4, 4] as const;
const operatorsOf = ({ nodes }: Graph) => nodes.map(({ operator }) => operator);
const numbers = (...data: number[]): Constant => ({ shape: [data.length], data: Float32Array.from(data) });

/** A batch normalization that is 2 x + 1 in all channels. */
const norm = (input: string, output: string) =>
  node("BatchNormalization", [input, "two", "one", "zero", "one"], output, { epsilon: 0 });
const normConstants = { two: numbers(2, 2), one: numbers(1, 1), zero: numbers(0, 0) };

describe("prepare", () => {
  test("takes the softmax off the end, and the output keeps its name", () => {
    const { graph, answer } = prepare(
      graphOf(
        ["batch", 3],
        [
          node("Gemm", ["x", "w", "b"], "sums", { transB: 1 }),
          node("Softmax", ["sums"], "logits", { axis: 1 }),
        ],
        { w: constant(2, 3), b: constant(2) },
      ),
    );
    assert.equal(answer, "Softmax");
    assert.deepEqual(
      graph.nodes.map(({ operator, outputs }) => [operator, outputs]),
      [["Gemm", ["logits"]]],
    );
  });

  test("leaves a sigmoid that is no answer, and says of none that it was one", () => {
    const gate = [node("Sigmoid", ["x"], "gate"), node("Mul", ["x", "gate"], "y")];
    const { graph, answer } = prepare(graphOf(image, gate));
    assert.deepEqual([operatorsOf(graph), answer], [["Sigmoid", "Mul"], undefined]);
  });

  test("leaves out what does nothing, and gives each layer a bias", () => {
    const { graph } = prepare(
      graphOf(
        image,
        [node("Identity", ["x"], "same"), node("Conv", ["same", "w"], "y", { kernel_shape: [1, 1] })],
        { w: constant(3, 2, 1, 1) },
      ),
    );
    assert.deepEqual(operatorsOf(graph), ["Conv"]);
    assert.deepEqual(graph.nodes[0]?.inputs.slice(0, 2), ["x", "w"]);
    assert.deepEqual([...floatsOf(graph, graph.nodes[0]?.inputs[2] as string)], [0, 0, 0]);
  });

  test("writes linear layers one way: weights [outputs, inputs], factors in the weights", () => {
    const w = { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
    const { graph } = prepare(
      graphOf(["batch", 2], [node("Gemm", ["x", "w", "b"], "y", { alpha: 2, beta: 0.5 })], {
        w,
        b: numbers(10, 20, 30),
      }),
    );
    const [, weight = "", bias = ""] = graph.nodes[0]?.inputs ?? [];
    assert.deepEqual(graph.nodes[0]?.attributes, { transB: 1 });
    assert.deepEqual(graph.constants.get(weight)?.shape, [3, 2]);
    assert.deepEqual([...floatsOf(graph, weight)], [2, 8, 4, 10, 6, 12]);
    assert.deepEqual([...floatsOf(graph, bias)], [5, 10, 15]);
  });

  test("makes a layer of a product with a matrix and the numbers added to it", () => {
    const { graph } = prepare(
      graphOf(["batch", 2], [node("MatMul", ["x", "w"], "p"), node("Add", ["p", "b"], "y")], {
        w: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
        b: numbers(5, 6),
      }),
    );
    assert.deepEqual(operatorsOf(graph), ["Gemm"]);
    const [, weight = "", bias = ""] = graph.nodes[0]?.inputs ?? [];
    assert.deepEqual([...floatsOf(graph, weight)], [1, 3, 2, 4]);
    assert.deepEqual([...floatsOf(graph, bias)], [5, 6]);
  });

  test("takes the mean over all pixels as pooling, and no other mean", () => {
    const means = (axes: number[], keepdims: number) =>
      operatorsOf(prepare(graphOf(image, [node("ReduceMean", ["x"], "y", { axes, keepdims })])).graph);
    assert.deepEqual(means([2, 3], 1), ["GlobalAveragePool"]);
    assert.deepEqual(means([-1, -2], 0), ["GlobalAveragePool", "Flatten"]);
    assert.deepEqual(means([1], 1), ["ReduceMean"]);
  });

  test("folds factors and shifts of channels into the layer before, one after the other", () => {
    const { graph } = prepare(
      graphOf(
        image,
        [
          node("Conv", ["x", "w", "b"], "sum", { kernel_shape: [1, 1] }),
          node("Mul", ["sum", "factor"], "scaled"),
          node("Sub", ["shift", "scaled"], "turned"),
          norm("turned", "y"),
        ],
        {
          ...normConstants,
          w: { shape: [2, 2, 1, 1], data: Float32Array.of(1, 2, 3, 4) },
          b: numbers(1, 1),
          factor: { shape: [2, 1, 1], data: Float32Array.of(10, 100) },
          shift: { shape: [], data: Float32Array.of(7) },
        },
      ),
    );
    assert.deepEqual(operatorsOf(graph), ["Conv"]);
    const [, weight = "", bias = ""] = graph.nodes[0]?.inputs ?? [];
    // 2 (7 − f (w x + 1)) + 1
    assert.deepEqual([...floatsOf(graph, weight)], [-20, -40, -600, -800]);
    assert.deepEqual([...floatsOf(graph, bias)], [-5, -185]);
  });

  test("a channel that batch normalization never saw change is its shift, however large its factor", () => {
    const { graph } = prepare(
      graphOf(
        image,
        [
          node("Conv", ["x", "w", "b"], "sum", { kernel_shape: [1, 1] }),
          node("BatchNormalization", ["sum", "scale", "shift", "mean", "variance"], "y", { epsilon: 1e-5 }),
        ],
        {
          w: { shape: [2, 2, 1, 1], data: Float32Array.of(1, 2, 3, 4) },
          b: numbers(5, 5),
          scale: numbers(2.6, 1),
          shift: numbers(1.36, 1),
          mean: numbers(5, 5),
          variance: numbers(5.6e-28, 1 - 1e-5),
        },
      ),
    );
    const [, weight = "", bias = ""] = graph.nodes[0]?.inputs ?? [];
    assert.deepEqual([...floatsOf(graph, weight)], [0, 0, 3, 4]);
    assert.deepEqual([...floatsOf(graph, bias)], [Math.fround(1.36), 1]);
  });

  test("keeps a normalization that no layer takes as a depthwise convolution", () => {
    const { graph } = prepare(graphOf(image, [norm("x", "n"), node("Relu", ["n"], "y")], normConstants));
    assert.deepEqual(operatorsOf(graph), ["Conv", "Relu"]);
    const [layer] = graph.nodes;
    const inputs = layer?.inputs ?? [];
    assert.equal(layer?.attributes.group, 2);
    assert.deepEqual(graph.constants.get(inputs[1] as string)?.shape, [2, 1, 1, 1]);
    assert.deepEqual([...floatsOf(graph, inputs[1] as string)], [2, 2]);
    assert.deepEqual([...floatsOf(graph, inputs[2] as string)], [1, 1]);
  });

  test("splits a normalization of concatenated channels: half in the layer, half beside; ReLU goes along", () => {
    const { graph } = prepare(
      graphOf(
        image,
        [
          node("Conv", ["x", "w", "b"], "a", { kernel_shape: [1, 1], strides: [2, 2] }),
          node("MaxPool", ["x"], "p", { kernel_shape: [2, 2], strides: [2, 2] }),
          node("Concat", ["a", "p"], "both", { axis: 1 }),
          node("BatchNormalization", ["both", "two", "one", "zero", "one"], "n", { epsilon: 0 }),
          node("Relu", ["n"], "y"),
        ],
        {
          two: numbers(2, 2, 2),
          one: numbers(1, 1, 1),
          zero: numbers(0, 0, 0),
          w: { shape: [1, 2, 1, 1], data: Float32Array.of(3, 4) },
          b: numbers(5),
        },
      ),
    );
    const kinds = graph.nodes.map(({ operator, attributes }) => [operator, attributes.group ?? 1]);
    assert.deepEqual(kinds, [
      ["MaxPool", 1],
      ["Conv", 1],
      ["Relu", 1],
      ["Conv", 2],
      ["Relu", 1],
      ["Concat", 1],
    ]);
    assert.deepEqual([...floatsOf(graph, graph.nodes[1]?.inputs[1] as string)], [6, 8]);
    assert.deepEqual([...floatsOf(graph, graph.nodes[1]?.inputs[2] as string)], [11]);
    assert.deepEqual(graph.outputs, ["y"]);
  });

  test("moves ReLU before a maximum, to the layer that computes what it bends", () => {
    const layer = node("Conv", ["x", "w", "b"], "a", { kernel_shape: [1, 1] });
    const pool = node("MaxPool", ["a"], "p", { kernel_shape: [2, 2] });
    const constants = { w: constant(2, 2, 1, 1), b: constant(2) };
    const { graph } = prepare(graphOf(image, [layer, pool, node("Relu", ["p"], "y")], constants));
    assert.deepEqual(operatorsOf(graph), ["Conv", "Relu", "MaxPool"]);
  });

  test("tells which of the network's values it computes, and what they are called there", () => {
    const valuesOf = (...given: Parameters<typeof graphOf>) =>
      Object.fromEntries(prepare(graphOf(...given)).values);
    // The convolution's own result is in none of its integers, and neither is what the softmax makes of the answer.
    const layers = [
      node("Identity", ["x"], "same"),
      node("Conv", ["same", "w", "b"], "a", { kernel_shape: [1, 1] }),
      norm("a", "n"),
      node("MaxPool", ["n"], "p", { kernel_shape: [4, 4] }),
      node("Relu", ["p"], "r"),
      node("Flatten", ["r"], "flat", { axis: 1 }),
      node("Softmax", ["flat"], "chances", { axis: 1 }),
      node("Identity", ["chances"], "logits"),
    ];
    const values = valuesOf(image, layers, { ...normConstants, w: constant(2, 2, 1, 1), b: constant(2) });
    assert.deepEqual(values, { x: "x", same: "x", n: "n", r: "r", flat: "logits" });
  });

  test("leaves ReLU where what it bends is read by others too", () => {
    const { graph } = prepare(
      graphOf(
        image,
        [
          node("Conv", ["x", "w", "b"], "a", { kernel_shape: [1, 1] }),
          node("MaxPool", ["a"], "p", { kernel_shape: [1, 1] }),
          node("Relu", ["p"], "r"),
          node("Add", ["r", "a"], "y"),
        ],
        { w: constant(2, 2, 1, 1), b: constant(2) },
      ),
    );
    assert.deepEqual(operatorsOf(graph), ["Conv", "MaxPool", "Relu", "Add"]);
  });
});
