import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Constant,
  dequantize,
  floatsOf,
  type Graph,
  integerObstacles,
  interpreterOf,
  planIntegers,
  prepare,
  type Quantization,
  type QuantizedGraph,
  quantize,
  type Range,
  type Scheme,
  usualScheme,
  whyNotIntegers,
} from "@pea/graph";
import { constant, graphOf, node } from "../make-graph.ts";

const image = ["batch", 1, 2, 2] as const;
const numbers = (...data: number[]): Constant => ({ shape: [data.length], data: Float32Array.from(data) });
const weights = (...data: number[]): Constant => ({
  shape: [data.length, 1, 1, 1],
  data: Float32Array.from(data),
});

/** Quantized by ranges that are given as pairs. */
function quantized(
  graph: Graph,
  ranges: Readonly<Record<string, readonly [min: number, max: number]>>,
  scheme: Scheme = usualScheme({}),
): QuantizedGraph {
  const entries = Object.entries(ranges).map(([name, [min, max]]): [string, Range] => [name, { min, max }]);
  return quantize(planIntegers(prepare(graph).graph), new Map(entries), scheme);
}

const facts = ({ scales, zeroPoints, type }: Quantization = {} as Quantization) => [
  type,
  [...scales],
  [...zeroPoints],
];
const of = (graph: QuantizedGraph, name: string) => graph.quantizations.get(name) as Quantization;
const integersOf = (graph: QuantizedGraph, name: string) => [...(graph.constants.get(name)?.data ?? [])];

/** One layer of two outputs, with ReLU behind it. */
const layer = graphOf(
  image,
  [node("Conv", ["x", "w", "b"], "sum", { kernel_shape: [1, 1] }), node("Relu", ["sum"], "y")],
  { w: weights(0.5, -1), b: numbers(0.1, -0.2) },
);
const ranges = { x: [-1, 2], y: [0, 5.1] } as const;

describe("quantize", () => {
  test("puts zero where the range wants it, and behind ReLU at the least integer", () => {
    const graph = quantized(layer, ranges);
    assert.deepEqual(facts(of(graph, "x")), ["int8", [Math.fround(3 / 255)], [-43]]);
    assert.deepEqual(facts(of(graph, "y")), ["int8", [Math.fround(5.1 / 255)], [-128]]);
    assert.deepEqual(
      graph.nodes.map(({ operator, fused, outputs }) => [operator, fused, outputs]),
      [["Conv", "relu", ["y"]]],
    );
  });

  test("takes uint8, int16 and powers of two as they are asked for", () => {
    const unsigned = quantized(layer, ranges, usualScheme({ activations: "uint8" }));
    assert.deepEqual([facts(of(unsigned, "x"))[2], facts(of(unsigned, "y"))[2]], [[85], [0]]);
    const wide = quantized(layer, ranges, usualScheme({ activations: "int16" }));
    assert.deepEqual(facts(of(wide, "x")), ["int16", [Math.fround(2 / 32767)], [0]]);
    assert.equal(of(wide, "b").type, "int64");
    const powers = quantized(layer, ranges, {
      activations: "int8",
      scales: "powers of two",
      weights: "per channel",
    });
    // 2 / 127 and 5.1 / 127, up to the next power; 0.5 / 127 and 1 / 127.
    assert.deepEqual(facts(of(powers, "x")), ["int8", [1 / 32], [0]]);
    assert.deepEqual(facts(of(powers, "y")), ["int8", [1 / 16], [0]]);
    assert.deepEqual([...of(powers, "w").scales], [1 / 128, 1 / 64]);
  });

  test("holds 0 in ranges that leave it out", () => {
    const graph = quantized(layer, { ...ranges, x: [2, 5.1] });
    assert.deepEqual(facts(of(graph, "x")), ["int8", [Math.fround(5.1 / 255)], [-128]]);
  });

  test("rounds weights to −127 … 127, with a scale for each output or one for all", () => {
    const each = quantized(layer, ranges);
    assert.deepEqual(integersOf(each, "w"), [127, -127]);
    assert.deepEqual([...of(each, "w").scales], [0.5 / 127, 1 / 127].map(Math.fround));
    assert.equal(of(each, "w").axis, 0);
    const all = quantized(layer, ranges, usualScheme({ perTensor: true }));
    assert.deepEqual(integersOf(all, "w"), [64, -127]);
    assert.deepEqual([...of(all, "w").scales], [Math.fround(1 / 127)]);
    assert.equal(of(all, "w").axis, undefined);
  });

  test("gives biases the scale of input times weight, in int32", () => {
    const graph = quantized(layer, ranges);
    const sx = Math.fround(3 / 255);
    const products = [0.5 / 127, 1 / 127].map((scale) => sx * Math.fround(scale));
    assert.deepEqual([...of(graph, "b").scales], products.map(Math.fround));
    assert.deepEqual(integersOf(graph, "b"), [
      Math.round(Math.fround(0.1) / (products[0] as number)),
      -Math.round(Math.fround(0.2) / (products[1] as number)),
    ]);
    assert.equal(of(graph, "b").type, "int32");
  });

  test("shares one quantization where numbers are only moved, chosen or averaged", () => {
    const graph = quantized(
      graphOf(
        image,
        [
          node("Conv", ["x", "w", "b"], "a", { kernel_shape: [1, 1] }),
          node("MaxPool", ["x"], "p", { kernel_shape: [1, 1] }),
          node("Concat", ["a", "p"], "c", { axis: 1 }),
          node("GlobalAveragePool", ["c"], "g"),
          node("Flatten", ["g"], "y", { axis: 1 }),
        ],
        { w: weights(1), b: numbers(0) },
      ),
      { x: [-1, 1], a: [-3, 2] },
    );
    const all = ["x", "p", "a", "c", "g", "y"].map((name) => facts(of(graph, name)));
    assert.deepEqual(new Set(all.map((each) => JSON.stringify(each))).size, 1);
    assert.deepEqual(all[0], ["int8", [Math.fround(5 / 255)], [25]]);
  });

  test("takes constants beside computed values by their own range", () => {
    const map = { shape: [1, 1, 2, 2], data: Float32Array.of(0, 1, 2, 2.55) };
    const graph = quantized(graphOf(image, [node("Add", ["x", "map"], "y")], { map }), {
      x: [0, 1],
      y: [0, 3],
    });
    assert.deepEqual(facts(of(graph, "map")), ["int8", [Math.fround(Math.fround(2.55) / 255)], [-128]]);
    assert.deepEqual(integersOf(graph, "map"), [-128, -28, 72, 127]);
  });

  test("gives a gate the scale that kernels fix", () => {
    const gate = graphOf(image, [node("Sigmoid", ["x"], "g"), node("Mul", ["x", "g"], "y")]);
    const within = { x: [-1, 1], y: [-1, 1] } as const;
    assert.deepEqual(facts(of(quantized(gate, within), "g")), ["int8", [1 / 256], [-128]]);
    const wide = quantized(gate, within, usualScheme({ activations: "int16" }));
    assert.deepEqual(facts(of(wide, "g")), ["int16", [1 / 32768], [0]]);
  });

  test("lets a dead channel give its bias", () => {
    for (const dead of [0, 1e-30]) {
      const graph = quantized(
        {
          ...layer,
          constants: new Map([
            ["w", weights(dead, 1)],
            ["b", numbers(3, 0.5)],
          ]),
        },
        ranges,
      );
      assert.deepEqual(integersOf(graph, "w"), [0, 127]);
      const [bias = 0] = floatsOf(dequantize(graph), "b");
      assert.ok(Math.abs(bias - 3) < 1e-6, `${bias}`);
    }
  });

  test("raises the scale of weights that are tiny beside their bias until that fits in int32", () => {
    const tiny = new Map([
      ["w", weights(1e-9, 1)],
      ["b", numbers(4, 0)],
    ]);
    const graph = quantized({ ...layer, constants: tiny }, ranges);
    const [bias] = integersOf(graph, "b");
    assert.ok(Number(bias) > 2 ** 30 && Number(bias) < 2 ** 31, `${bias}`);
    assert.ok(Math.abs((floatsOf(dequantize(graph), "b")[0] as number) - 4) < 1e-6);
  });

  test("leaves layers that share a weight each with one of their own", () => {
    const graph = quantized(
      graphOf(
        image,
        [
          node("Conv", ["x", "w", "b"], "a", { kernel_shape: [1, 1] }),
          node("Conv", ["a", "w", "b"], "y", { kernel_shape: [1, 1] }),
        ],
        { w: weights(1), b: numbers(0.5) },
      ),
      { x: [0, 1], a: [0, 2], y: [0, 4] },
    );
    const [first, second] = graph.nodes.map(({ inputs }) => inputs[2] as string);
    assert.notEqual(first, second);
    assert.deepEqual(
      [first, second].map((name) => integersOf(graph, name as string)),
      [1 / 255, 2 / 255].map((sx) => [Math.round(0.5 / Math.fround(sx) / Math.fround(1 / 127))]),
    );
  });

  test("refuses ranges that are empty, not finite or missing, by value and module", () => {
    const refused = (bad: Readonly<Record<string, readonly [number, number]>>, message: RegExp) =>
      assert.throws(() => quantized(layer, bad), { name: "PeaError", message });
    refused({ ...ranges, y: [0, 0] }, /^y \(Conv in sum\) is 0 on all images/);
    refused(
      { ...ranges, y: [0, Number.POSITIVE_INFINITY] },
      /^y \(Conv in sum\) has values from 0 to Infinity/,
    );
    refused({ ...ranges, x: [Number.NaN, 1] }, /^x has values from NaN to 1/);
    refused({ x: [0, 1] }, /^there is no range of y \(Conv in sum\)/);
  });

  test("refuses sums that int32 cannot hold, by the layer", () => {
    const inputs = 80_000;
    const wide = graphOf(["batch", inputs], [node("Gemm", ["x", "w", "b"], "y", { transB: 1 })], {
      w: { shape: [1, inputs], data: new Float32Array(inputs).fill(1) },
      b: numbers(0),
    });
    assert.throws(() => quantized(wide, { x: [0, 1], y: [0, 1] }), {
      message: /^the sums of Gemm in y do not fit in int32: it adds up too many products/,
    });
    assert.doesNotThrow(() =>
      quantized(wide, { x: [0, 1], y: [0, 1] }, usualScheme({ activations: "int16" })),
    );
  });

  test("refuses weights that are not finite, and schemes that no kernel computes", () => {
    const broken = new Map([
      ["w", weights(Number.NaN, 1)],
      ["b", numbers(0, 0)],
    ]);
    assert.throws(() => quantized({ ...layer, constants: broken }, ranges), {
      message: "the weights of Conv in sum are not all finite",
    });
    for (const [activations, scales] of [
      ["uint8", "symmetric"],
      ["int16", "asymmetric"],
    ] as const)
      assert.throws(() => quantized(layer, ranges, { activations, scales, weights: "per tensor" }), {
        kind: "usage",
        message: new RegExp(`activations of ${activations}`),
      });
  });
});

describe("planIntegers", () => {
  const plan = (operator: string, attributes = {}, inputs = ["x"]) =>
    planIntegers(graphOf(image, [node(operator, inputs, "y", attributes)], { w: constant(1) }));

  test("names operator and module that have no integer form", () => {
    assert.throws(() => plan("Erf"), {
      message: /^Erf in y has no integer form; those that have are Conv, /,
    });
    assert.throws(() => plan("Clip", { min: -1, max: 1 }), {
      message: "Clip in y has no integer form: its bounds are not 0 and 6",
    });
    assert.throws(() => plan("Pad", { pads: [0, 0, 1, 1, 0, 0, 1, 1], value: 2 }), {
      message: "Pad in y has no integer form: it pads by 2, not by 0",
    });
    assert.throws(() => plan("Conv", {}, ["x", "x"]), {
      message: "Conv in y has no integer form: its weights are computed",
    });
  });

  test("names those that stand in no module by what they read", () => {
    const clip = (input: string, output: string) => ({
      ...node("Clip", [input], output, { min: -1, max: 1 }),
      path: "",
    });
    const graph = graphOf(image, [
      clip("x", "first"),
      node("Relu", ["first"], "act"),
      clip("act", "second"),
      clip("second", "third"),
    ]);
    const without = "has no integer form: its bounds are not 0 and 6";
    assert.deepEqual(
      integerObstacles(graph).map(({ reason }) => reason),
      [`Clip ${without}`, `Clip behind act ${without}`, `Clip behind act ${without}`],
    );
  });

  test("accepts nothing that the interpreter does not compute", () => {
    const graph = graphOf(image, [node("Erf", ["x"], "y")]);
    const listed = (message: string) =>
      /; those that have(?: one)? are (.*)$/.exec(message)?.[1]?.split(", ") ?? [];
    const accepted = listed(whyNotIntegers(graph) ?? "");
    let computed: string[] = [];
    assert.throws(
      () => interpreterOf({ ...graph, quantizations: new Map() }),
      ({ message }: Error) => {
        computed = listed(message);
        return true;
      },
    );
    assert.ok(accepted.length > 20 && computed.length > 20);
    assert.deepEqual(
      accepted.filter((name) => !computed.includes(name)),
      [],
    );
  });

  test("fuses an activation only where nothing else reads what it bends", () => {
    const nodes = [node("Add", ["x", "x"], "a"), node("Relu", ["a"], "r"), node("Mul", ["a", "r"], "y")];
    const { nodes: planned, groups } = planIntegers(graphOf(image, nodes));
    assert.deepEqual(
      planned.map(({ operator, fused }) => [operator, fused]),
      [
        ["Add", undefined],
        ["Relu", undefined],
        ["Mul", undefined],
      ],
    );
    assert.deepEqual(
      groups.map(({ values, sources }) => [values, sources]),
      [
        [["x"], ["x"]],
        [["a", "r"], ["a"]],
        [["y"], ["y"]],
      ],
    );
  });
});
