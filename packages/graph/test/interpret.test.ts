import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { interpret, numbersOf, type Quantization, type QuantizedGraph, quantized } from "@pea/graph";
import { node } from "./make-graph.ts";

const steps = (scale: number, zeroPoint = 0, type: Quantization["type"] = "int8"): Quantization => ({
  type,
  scales: Float32Array.of(scale),
  zeroPoints: Int32Array.of(zeroPoint),
});

/** y = 2 a − b + 1, of a pixel's two channels a and b: in steps of ½ and ¼. */
const graph: QuantizedGraph = {
  inputs: [{ name: "x", shape: ["batch", 2, 1, 1] }],
  outputs: ["y"],
  nodes: [node("Conv", ["x", "w", "b"], "y")],
  constants: new Map([
    ["w", { shape: [1, 2, 1, 1], data: Int8Array.of(4, -2) }],
    ["b", { shape: [1], data: Int32Array.of(4) }],
  ]),
  quantizations: new Map([
    ["x", steps(0.5, -3)],
    ["w", { ...steps(0.5), axis: 0 }],
    ["b", steps(0.25, 0, "int32")],
    ["y", steps(0.25, 10)],
  ]),
};

const run = (data: Float32Array | Int8Array | Int16Array, of = graph) =>
  interpret(of, new Map([["x", data]]));

describe("interpret", () => {
  test("computes in integers: 2 · 3 − 2.5 + 1 is 4.5, 18 steps of ¼ above a zero point of 10", () => {
    // 3 is 6 steps of ½, 2.5 is 5, above −3.
    assert.deepEqual(run(Int8Array.of(3, 2)).get("y"), { shape: [1, 1, 1, 1], data: Int8Array.of(28) });
  });

  test("takes numbers, which it turns into integers first", () => {
    const values = run(Float32Array.of(3, 2.5));
    assert.deepEqual(values.get("x")?.data, Int8Array.of(3, 2));
    assert.deepEqual(numbersOf(values.get("y")?.data as Int8Array, steps(0.25, 10)), Float32Array.of(4.5));
  });

  test("runs as many samples as there are, and gives back what every node computes", () => {
    const values = run(Int8Array.of(3, 2, -3, -3, 127, -128));
    // The third is beyond 127 steps.
    assert.deepEqual(values.get("y"), { shape: [3, 1, 1, 1], data: Int8Array.of(28, 14, 127) });
    assert.deepEqual([...values.keys()], ["x", "y"]);
  });

  test("a fused ReLU keeps to the zero point and above", () => {
    const fused = { ...graph, nodes: graph.nodes.map((each) => ({ ...each, fused: "relu" as const })) };
    // 2 · (−1) − 2.5 + 1 is −3.5.
    assert.deepEqual(run(Int8Array.of(-5, 2)).get("y")?.data, Int8Array.of(-4));
    assert.deepEqual(run(Int8Array.of(-5, 2), fused).get("y")?.data, Int8Array.of(10));
  });

  test("weights pixels of 16 bits exactly: halfway between 30000 and −30000 the products have 35 bits", () => {
    const resized: QuantizedGraph = {
      inputs: [{ name: "x", shape: ["batch", 1, 1, 4] }],
      outputs: ["y"],
      nodes: [node("Resize", ["x"], "y", { scales: [1, 1, 1, 2], mode: "linear" })],
      constants: new Map(),
      quantizations: new Map(["x", "y"].map((name) => [name, steps(0.5, 0, "int16")])),
    };
    const values = run(Int16Array.of(30000, -30000, 20000, 10000), resized);
    // ¾ of the nearer and ¼ of the other; at the edges the pixel itself.
    assert.deepEqual(
      values.get("y")?.data,
      Int16Array.of(30000, 15000, -15000, -17500, 7500, 17500, 12500, 10000),
    );
  });

  test("pads with the integer of a number, with the zero point where none is told", () => {
    const padded = (value: object) =>
      run(Int8Array.of(3, 2), {
        ...graph,
        nodes: [node("Pad", ["x"], "y", { pads: [0, 0, 0, 1, 0, 0, 0, 0], ...value })],
        quantizations: new Map([
          ["x", steps(0.5, -3)],
          ["y", steps(0.5, -3)],
        ]),
      }).get("y")?.data;
    assert.deepEqual(padded({}), Int8Array.of(-3, 3, -3, 2));
    assert.deepEqual(padded({ value: 1.5 }), Int8Array.of(0, 3, 0, 2));
    assert.deepEqual(padded({ value: -100 }), Int8Array.of(-128, 3, -128, 2));
  });

  test("refuses inputs that are missing, of no whole number of samples, or beyond their type, as usage", () => {
    const refused = (inputs: ReadonlyMap<string, Float32Array | Int8Array | Int16Array>, message: RegExp) =>
      assert.throws(() => interpret(graph, inputs), { kind: "usage", message });
    refused(new Map(), /^input x is missing$/);
    refused(
      new Map([["x", Int8Array.of(1, 2, 3)]]),
      /^input x has 3 elements, which do not fit batch×2×1×1$/,
    );
    refused(new Map([["x", Int16Array.of(1, 300)]]), /^input x holds 300, but it is of int8$/);
  });

  test("names an operator that has no form in integers", () => {
    const nodes = [node("Softmax", ["x"], "y", { axis: 1 })];
    assert.throws(
      () => run(Int8Array.of(1, 2), { ...graph, nodes }),
      /^PeaError: Softmax in y has no form in integers/,
    );
  });

  test("refuses a Concat of other scales, naming both", () => {
    const nodes = [node("Concat", ["x", "x"], "y", { axis: 1 })];
    assert.throws(
      () => run(Int8Array.of(1, 2), { ...graph, nodes }),
      /Concat in y: scale and zero point .* must be the same, not int8 of scale 0.5 and zero point -3 and int8 of scale 0.25/,
    );
  });
});

describe("quantized", () => {
  test("rounds halves away from 0 and stays within the type", () => {
    const numbers = Float32Array.of(0.25, -0.25, 0.74, -0.76, 1000, -1000);
    assert.deepEqual(quantized(numbers, steps(0.5, 1)), Int8Array.of(2, 0, 2, -1, 127, -128));
    assert.deepEqual(quantized(numbers, steps(0.5, 128, "uint8")), Uint8Array.of(129, 127, 129, 126, 255, 0));
  });
});
