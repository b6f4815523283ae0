import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { QuantizedGraph } from "@pea/graph";
import { undilate } from "../../../src/export/ethos-u/undilate.ts";
import { unstride } from "../../../src/export/ethos-u/unstride.ts";
import { QuantizedBuilder, scaled } from "../../support/quantized-cases.ts";
import { interpretedBytes } from "../../support/quantized-runs.ts";
import { dilatedRuns, stridedRuns } from "../../support/rewrite-cases.ts";

const convolutions = ({ nodes }: QuantizedGraph) => nodes.filter(({ operator }) => operator === "Conv");
const operatorsOf = ({ nodes }: QuantizedGraph) => nodes.map(({ operator }) => operator);

describe("undilate gives the same bytes without dilation", () => {
  for (const run of dilatedRuns)
    test(run.name, () => {
      const { graph, count } = undilate(run.graph);
      assert.equal(count, 1);
      for (const { attributes } of convolutions(graph)) assert.deepEqual(attributes.dilations, [1, 1]);
      assert.deepEqual(interpretedBytes({ ...run, graph }), interpretedBytes(run));
    });

  test("rows beneath each other are a reshape; columns are rows once they are turned", () => {
    const [rows, , columns] = dilatedRuns;
    assert.deepEqual(operatorsOf(undilate(rows?.graph as QuantizedGraph).graph), [
      "Reshape",
      "Conv",
      "Reshape",
    ]);
    assert.deepEqual(operatorsOf(undilate(columns?.graph as QuantizedGraph).graph), [
      "Transpose",
      "Reshape",
      "Conv",
      "Reshape",
      "Transpose",
    ]);
  });

  const staying: Readonly<Record<string, readonly [shape: readonly number[], attributes: object]>> = {
    "dilation by 2, which chips have themselves": [[3, 1], { dilations: [2, 1], pads: [2, 0, 2, 0] }],
    "rows that the dilation does not divide": [[3, 1], { dilations: [5, 1], pads: [5, 0, 5, 0] }],
    "a kernel of rows and columns": [[3, 3], { dilations: [4, 4], pads: [4, 4, 4, 4] }],
    "padding that leaves fewer rows": [[3, 1], { dilations: [4, 1], pads: [0, 0, 4, 0] }],
    strides: [[3, 1], { dilations: [4, 1], pads: [4, 0, 4, 0], strides: [2, 1] }],
  };
  for (const [name, [kernel, attributes]] of Object.entries(staying))
    test(`${name} stays`, () => {
      const builder = new QuantizedBuilder(["batch", 4, 16, 16], scaled(0.05, 3));
      builder.layer("Conv", "x", [4, 4, ...kernel], attributes as Record<string, number[]>);
      const graph = builder.graph();
      assert.deepEqual(undilate(graph), { graph, count: 0 });
    });
});

describe("unstride gives the same bytes with a stride of 1", () => {
  for (const run of stridedRuns)
    test(run.name, () => {
      const { graph, count } = unstride(run.graph);
      assert.equal(count, 1);
      for (const { attributes } of convolutions(graph)) assert.deepEqual(attributes.strides, [1, 1]);
      assert.deepEqual(interpretedBytes({ ...run, graph }), interpretedBytes(run));
    });

  test("AlexNet's first layer becomes 3×3 over 48 channels", () => {
    const builder = new QuantizedBuilder(["batch", 3, 224, 224], scaled(0.05, 3));
    builder.layer("Conv", "x", [16, 3, 11, 11], { strides: [4, 4], pads: [2, 2, 2, 2] });
    const { graph } = unstride(builder.graph());
    const [pad, blocks, conv] = graph.nodes;
    assert.deepEqual(pad?.attributes.pads, [0, 0, 2, 2, 0, 0, 2, 2]);
    assert.equal(blocks?.attributes.blocksize, 4);
    assert.deepEqual(graph.constants.get(conv?.inputs[1] as string)?.shape, [16, 48, 3, 3]);
  });

  test("strides up to 3, and layers of groups, stay", () => {
    for (const [weight, attributes] of [
      [[4, 4, 3, 3], { strides: [3, 3] }],
      [[4, 1, 4, 4], { strides: [4, 4], group: 4 }],
    ] as const) {
      const builder = new QuantizedBuilder(["batch", 4, 16, 16], scaled(0.05, 3));
      builder.layer("Conv", "x", weight, attributes);
      assert.equal(unstride(builder.graph()).count, 0);
    }
  });
});
