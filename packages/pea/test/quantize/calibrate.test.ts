import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Graph, type GraphNode, planIntegers, prepare, quantize, usualScheme } from "@pea/graph";
import { randn, setNumThreads, tensor } from "@pea/torch";
import { calibrate } from "../../src/quantize/calibrate.ts";
import { layerNoise } from "../../src/quantize/layer-noise.ts";

setNumThreads(1);

/** y = relu(2 x − 1), of one pixel. */
const graph: Graph = {
  inputs: [{ name: "x", shape: ["batch", 1, 1, 1] }],
  outputs: ["y"],
  nodes: [
    {
      operator: "Conv",
      inputs: ["x", "w", "b"],
      outputs: ["sum"],
      attributes: { kernel_shape: [1, 1] },
      path: "conv",
    },
    { operator: "Relu", inputs: ["sum"], outputs: ["y"], attributes: {}, path: "relu" },
  ],
  constants: new Map([
    ["w", { shape: [1, 1, 1, 1], data: Float32Array.of(2) }],
    ["b", { shape: [1], data: Float32Array.of(-1) }],
  ]),
};
const plan = planIntegers(prepare(graph).graph);
const pixels = (...values: number[]) =>
  tensor(Float32Array.from(values), { shape: [values.length, 1, 1, 1] });

describe("calibrate", () => {
  test("finds the ranges of what is quantized, over all batches, and counts images", async () => {
    const told: number[] = [];
    const { ranges, images } = await calibrate(plan, [pixels(-1, 0.5), pixels(2)], {
      onProgress: (done) => told.push(done),
    });
    assert.deepEqual(
      [...ranges],
      [
        ["x", { min: -1, max: 2 }],
        ["y", { min: 0, max: 3 }],
      ],
    );
    assert.deepEqual([images, told], [3, [2, 3]]);
  });

  test("is content with one image", async () => {
    const { ranges, images } = await calibrate(plan, [pixels(1)]);
    assert.deepEqual([ranges.get("y"), images], [{ min: 1, max: 1 }, 1]);
    assert.doesNotThrow(() => quantize(plan, ranges, usualScheme({})));
  });

  for (const [value, message] of [
    [Number.NaN, /^x has values from NaN to NaN/],
    [Number.POSITIVE_INFINITY, /^x has values from Infinity to Infinity/],
    // 2 x − 1 is too large for float32, x is not.
    [3e38, /^y \(Conv in conv\) has values from Infinity to Infinity/],
  ] as const)
    test(`names the value that is not finite: ${value}`, async () => {
      const { ranges } = await calibrate(plan, [pixels(value)]);
      assert.throws(() => quantize(plan, ranges, usualScheme({})), { message });
    });

  test("computes activations wherever they stand: in a layer, in a sum, behind what others read too", async () => {
    const bent = (operator: "Relu" | "Clip", input: string, output: string): GraphNode => ({
      operator,
      inputs: [input],
      outputs: [output],
      attributes: operator === "Clip" ? { min: 0, max: 6 } : {},
      path: output,
    });
    const [conv] = graph.nodes as [GraphNode];
    const added = (inputs: string[], output: string): GraphNode => ({
      operator: "Add",
      inputs,
      outputs: [output],
      attributes: {},
      path: output,
    });
    const nodes = [
      conv,
      bent("Relu", "sum", "bent"),
      added(["sum", "bent"], "both"),
      bent("Clip", "both", "clipped"),
      added(["clipped", "x"], "last"),
    ];
    const several = planIntegers({ ...graph, nodes, outputs: ["last"] });
    for (const method of ["minmax", "percentile", "mse"] as const) {
      const { ranges } = await calibrate(several, [pixels(-1, 0.75, 3)], { method });
      if (method === "minmax")
        assert.deepEqual(
          [...ranges],
          [
            ["x", { min: -1, max: 3 }],
            ["sum", { min: -3, max: 5 }],
            // −3 + 0, 0.5 + 0.5 and 5 + 5, bent.
            ["clipped", { min: 0, max: 6 }],
            ["last", { min: -1, max: 9 }],
          ],
        );
      else assert.ok((ranges.get("last")?.max ?? 0) <= 9, method);
    }
  });

  test("refuses no images at all, and methods that it does not know", async () => {
    await assert.rejects(calibrate(plan, []), { message: /^there is no training image that can be read/ });
    await assert.rejects(calibrate(plan, [pixels(1)], { method: "best" as never }), {
      kind: "usage",
      message: 'calibration is "best", but must be one of minmax, percentile, mse',
    });
  });
});

describe("layerNoise", () => {
  test("is signal over noise of each layer's result, in decibels", async () => {
    const { ranges } = await calibrate(plan, [pixels(0, 2.55)]);
    const images = pixels(0.6, 1.234);
    const [layer, ...others] = layerNoise(plan, quantize(plan, ranges, usualScheme({})), images);
    assert.deepEqual([layer?.name, layer?.operator, layer?.path, others], ["y", "Conv", "conv", []]);
    // x in steps of 0.01, y in steps of 4.1 / 255.
    const step = 4.1 / 255;
    const rounded = [0.6, 1.23].map((x) => Math.round((2 * x - 1) / step) * step);
    const exact = [0.2, 1.468];
    const power = (values: readonly number[]) => values.reduce((sum, value) => sum + value ** 2, 0);
    const noise = power(exact.map((value, i) => value - (rounded[i] as number)));
    const expected = 10 * Math.log10(power(exact) / noise);
    assert.ok(Math.abs((layer?.decibels ?? 0) - expected) < 0.1, `${layer?.decibels}, not ${expected}`);
  });

  test("is less where there are more steps", async () => {
    const images = randn([64, 1, 1, 1]);
    const { ranges } = await calibrate(plan, [images]);
    const of = (activations: "int8" | "int16") =>
      layerNoise(plan, quantize(plan, ranges, usualScheme({ activations })), images)[0]?.decibels ?? 0;
    // Seven bits more, of which each is worth 6 dB.
    assert.ok(of("int16") > of("int8") + 36, `${of("int16")} ${of("int8")}`);
  });
});
