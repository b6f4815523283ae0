import assert from "node:assert/strict";
import { test } from "node:test";
import { measure, peakActivations } from "@pea/graph";
import { constant, graphOf, node } from "./make-graph.ts";

const constants = { w: constant(6, 2, 3, 3), b: constant(6), t: constant(6, 4, 2, 2), fc: constant(10, 64) };
const graph = graphOf(
  ["batch", 4, 10, 10],
  [
    node("Conv", ["x", "w", "b"], "conv", { group: 2 }),
    node("Relu", ["conv"], "relu"),
    node("Conv", ["x", "w", "b"], "again", { group: 2 }),
    node("Add", ["relu", "again"], "sum"),
    node("ConvTranspose", ["sum", "t"], "larger", { strides: [2, 2] }),
    node("MaxPool", ["larger"], "pooled", { kernel_shape: [4, 4], strides: [4, 4] }),
    node("Flatten", ["pooled"], "flat", { axis: 1 }),
    node("Gemm", ["flat", "fc"], "y", { transB: 1 }),
  ],
  constants,
);

test("measure counts multiply-accumulates, parameters once, and what is computed, of one sample", () => {
  const costs = measure(graph).map(({ node: { outputs }, macs, parameters, activations }) => [
    outputs[0],
    macs,
    parameters,
    activations,
  ]);
  assert.deepEqual(costs, [
    // 8 × 8 pixels of 6 channels, of 2 channels' 3 × 3 each
    ["conv", 8 * 8 * 6 * 2 * 9, 6 * 2 * 9 + 6, 6 * 8 * 8],
    ["relu", 0, 0, 6 * 8 * 8],
    ["again", 8 * 8 * 6 * 2 * 9, 0, 6 * 8 * 8],
    ["sum", 0, 0, 6 * 8 * 8],
    // each of 8 × 8 pixels of 6 channels is spread over 2 × 2 of 4 channels
    ["larger", 8 * 8 * 6 * 4 * 4, 6 * 4 * 4, 4 * 16 * 16],
    ["pooled", 0, 0, 4 * 4 * 4],
    ["flat", 0, 0, 4 * 4 * 4],
    ["y", 64 * 10, 640, 10],
  ]);
});

test("products of computed matrices cost what those with weights do", () => {
  const scores = graphOf(
    ["batch", 4, 10, 7],
    [node("Transpose", ["x"], "t", { perm: [0, 1, 3, 2] }), node("MatMul", ["x", "t"], "y")],
  );
  // 10 × 10 sums of 7 products, for each of 4 heads
  assert.deepEqual(
    measure(scores).map(({ macs }) => macs),
    [0, 4 * 10 * 10 * 7],
  );
});

test("peakActivations is the most that is held at a time", () => {
  // The transposed convolution reads 6 × 8 × 8 and writes 4 × 16 × 16; at no other node is there more.
  assert.equal(peakActivations(graph), 6 * 8 * 8 + 4 * 16 * 16);
  // The input is held until its last reader: here the sum of three.
  const skip = graphOf(
    ["batch", 100],
    [node("Relu", ["x"], "a"), node("Relu", ["a"], "b"), node("Add", ["b", "x"], "y")],
  );
  assert.equal(peakActivations(skip), 300);
});
