import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Constant,
  fixBatch,
  floatsOf,
  foldBatchNorms,
  type Graph,
  inferShapes,
  removeDeadNodes,
} from "@pea/graph";
import { constant, graphOf, node } from "./make-graph.ts";

const image = ["batch", 2, 5, 5] as const;
const norm = (input: string, output: string, name = "bn") =>
  node("BatchNormalization", [input, `${name}.w`, `${name}.b`, `${name}.m`, `${name}.v`], output, {
    epsilon: 0.1,
  });

function normConstants(channels: number, name = "bn"): Record<string, Constant> {
  const { data } = constant(channels);
  return {
    [`${name}.w`]: constant(channels),
    [`${name}.b`]: { shape: [channels], data: data.map((value) => 2 * value) },
    [`${name}.m`]: { shape: [channels], data: data.map((value) => value - 1) },
    [`${name}.v`]: { shape: [channels], data: data.map((value) => value * value + 0.5) },
  };
}

const operatorsOf = ({ nodes }: Graph) => nodes.map(({ operator }) => operator);
const values = (graph: Graph, name: string) => [...floatsOf(graph, name)];

/** scale / √(variance + ε), and shift − that · mean, of a channel. */
function affine(constants: Record<string, Constant>, channel: number) {
  const [w = 0, b = 0, m = 0, v = 0] = "wbmv"
    .split("")
    .map((key) => Number(constants[`bn.${key}`]?.data[channel]));
  const factor = w / Math.sqrt(v + 0.1);
  return { factor, offset: b - factor * m };
}

function assertClose(actual: readonly number[], expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((value, i) => {
    assert.ok(Math.abs(value - (expected[i] as number)) < 1e-6, `${i}: ${value}, not ${expected[i]}`);
  });
}

test("removeDeadNodes leaves what an output is made of, and its constants", () => {
  const graph = graphOf(
    image,
    [
      node("Add", ["x", "unread"], "aside"),
      node("Split", ["x"], ["a", "b"], { axis: 1, split: [1, 1] }),
      node("Mul", ["b", "read"], "y"),
    ],
    { read: constant(), unread: constant() },
  );
  const left = removeDeadNodes(graph);
  assert.deepEqual(operatorsOf(left), ["Split", "Mul"]);
  assert.deepEqual([...left.constants.keys()], ["read"]);
});

describe("fixBatch", () => {
  const graph = graphOf(image, [node("Flatten", ["x"], "y", { axis: 1 })]);

  test("puts a number in the batch's place, everywhere", () => {
    assert.deepEqual(inferShapes(fixBatch(graph, 8)).get("y"), [8, 50]);
    assert.deepEqual(inferShapes(graph).get("y"), ["batch", 50]);
  });

  test("refuses what is no number of images", () => {
    for (const batch of [0, -1, 1.5, Number.NaN])
      assert.throws(() => fixBatch(graph, batch), {
        kind: "usage",
        message: /a batch has 1 image or more, not /,
      });
  });
});

describe("foldBatchNorms", () => {
  test("scales each output channel of a convolution, and makes its bias", () => {
    const constants = { weight: constant(3, 2, 1, 2), bias: constant(3), ...normConstants(3) };
    const graph = foldBatchNorms(
      graphOf(
        image,
        [node("Conv", ["x", "weight", "bias"], "c"), norm("c", "y"), node("Relu", ["y"], "z")],
        constants,
      ),
    );
    assert.deepEqual(operatorsOf(graph), ["Conv", "Relu"]);
    assert.deepEqual([...graph.constants.keys()], ["c/weight", "c/bias"]);
    assertClose(
      values(graph, "c/weight"),
      [...constants.weight.data].map(
        (value, i) => Number(value) * affine(constants, Math.floor(i / 4)).factor,
      ),
    );
    assertClose(
      values(graph, "c/bias"),
      [0, 1, 2].map(
        (c) => affine(constants, c).offset + affine(constants, c).factor * Number(constants.bias.data[c]),
      ),
    );
  });

  test("knows where a transposed convolution and a linear layer keep their channels", () => {
    const transposed = { weight: constant(2, 3, 2, 1), ...normConstants(3) };
    const graph = foldBatchNorms(
      graphOf(image, [node("ConvTranspose", ["x", "weight"], "c"), norm("c", "y")], transposed),
    );
    assertClose(
      values(graph, "c/weight"),
      [...transposed.weight.data].map(
        (value, i) => Number(value) * affine(transposed, Math.floor(i / 2) % 3).factor,
      ),
    );
    assertClose(
      values(graph, "c/bias"),
      [0, 1, 2].map((c) => affine(transposed, c).offset),
    );

    const linear = { weight: constant(3, 4), ...normConstants(3) };
    const dense = foldBatchNorms(
      graphOf(["batch", 4], [node("Gemm", ["x", "weight"], "c", { transB: 1 }), norm("c", "y")], linear),
    );
    assertClose(
      values(dense, "c/weight"),
      [...linear.weight.data].map((value, i) => Number(value) * affine(linear, Math.floor(i / 4)).factor),
    );
  });

  test("spells out, as Mul and Add, a batch norm that nothing foldable stands before", () => {
    const constants = normConstants(2);
    const graph = foldBatchNorms(graphOf(image, [node("Relu", ["x"], "r"), norm("r", "y")], constants));
    assert.deepEqual(operatorsOf(graph), ["Relu", "Mul", "Add"]);
    assert.deepEqual(graph.constants.get("y/scale")?.shape, [2, 1, 1]);
    assertClose(
      values(graph, "y/scale"),
      [0, 1].map((c) => affine(constants, c).factor),
    );
    assertClose(
      values(graph, "y/shift"),
      [0, 1].map((c) => affine(constants, c).offset),
    );
    assert.deepEqual(inferShapes(graph).get("y"), image);
  });

  test("leaves a convolution whose result another reads, and one in groups that is transposed", () => {
    const conv = { weight: constant(2, 2, 1, 1), ...normConstants(2) };
    const shared = graphOf(
      image,
      [node("Conv", ["x", "weight"], "c"), norm("c", "b"), node("Add", ["b", "c"], "y")],
      conv,
    );
    assert.deepEqual(operatorsOf(foldBatchNorms(shared)), ["Conv", "Mul", "Add", "Add"]);
    const grouped = { weight: constant(2, 1, 1, 1), ...normConstants(2) };
    const transposed = graphOf(
      image,
      [node("ConvTranspose", ["x", "weight"], "c", { group: 2 }), norm("c", "y")],
      grouped,
    );
    assert.deepEqual(operatorsOf(foldBatchNorms(transposed)), ["ConvTranspose", "Mul", "Add"]);
  });

  test("folds a weight that two convolutions share into each with its own", () => {
    const constants = { weight: constant(2, 2, 1, 1), ...normConstants(2), ...normConstants(2, "other") };
    const graph = graphOf(
      image,
      [
        node("Conv", ["x", "weight"], "c"),
        norm("c", "b"),
        node("Conv", ["b", "weight"], "d"),
        norm("d", "y", "other"),
      ],
      constants,
    );
    const folded = foldBatchNorms(graph);
    assert.deepEqual(operatorsOf(folded), ["Conv", "Conv"]);
    assert.deepEqual([...folded.constants.keys()], ["c/weight", "c/bias", "d/weight", "d/bias"]);
    assert.ok(graph.constants.has("bn.w"), "the graph that was given stays");
  });
});
