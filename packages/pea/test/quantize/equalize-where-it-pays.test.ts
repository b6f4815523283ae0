import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { equalize, floatsOf, type Graph, type GraphNode, type Scheme, usualScheme } from "@pea/graph";
import { manualSeed, randn, setNumThreads, zeros } from "@pea/torch";
import { equalizeWhereItPays } from "../../src/quantize/equalize-where-it-pays.ts";

setNumThreads(1);
manualSeed(0);

const conv = (name: string, input: string, output: string): GraphNode => ({
  operator: "Conv",
  inputs: [input, `${name}.weight`, `${name}.bias`],
  outputs: [output],
  attributes: { kernel_shape: [1, 1] },
  path: name,
});

/** y = Σ relu(aᵢ x) / aᵢ: the answer has as much of each channel, however large it is in between. */
function channelsOf(...factors: number[]): Graph {
  const count = factors.length;
  return {
    inputs: [{ name: "x", shape: ["batch", 1, 8, 8] }],
    outputs: ["y"],
    nodes: [
      conv("first", "x", "sum"),
      { operator: "Relu", inputs: ["sum"], outputs: ["bent"], attributes: {}, path: "relu" },
      conv("second", "bent", "y"),
    ],
    constants: new Map([
      ["first.weight", { shape: [count, 1, 1, 1], data: Float32Array.from(factors) }],
      ["first.bias", { shape: [count], data: new Float32Array(count) }],
      ["second.weight", { shape: [1, count, 1, 1], data: Float32Array.from(factors, (a) => 1 / a) }],
      ["second.bias", { shape: [1], data: new Float32Array(1) }],
    ]),
  };
}

describe("equalizeWhereItPays", () => {
  const images = randn([4, 1, 8, 8]);
  const [perChannel, perTensor] = [usualScheme({}), usualScheme({ perTensor: true })];
  const isEqualized = async (graph: Graph, scheme: Scheme, seen = images) => {
    const chosen = await equalizeWhereItPays(graph, seen, scheme);
    const expected = chosen.isEqualized ? equalize(graph) : graph;
    assert.deepEqual(floatsOf(chosen.graph, "first.weight"), floatsOf(expected, "first.weight"));
    return chosen.isEqualized;
  };

  test("does it for one scale for a layer, and not for one for each channel", async () => {
    const like = channelsOf(-1, 1.1);
    assert.deepEqual(
      [await isEqualized(like, perTensor), await isEqualized(like, perChannel)],
      [true, false],
    );
  });

  test("does it where one channel is so large that the scale of all values drowns the others", async () => {
    assert.equal(await isEqualized(channelsOf(-1, 100), perChannel), true);
  });

  test("goes by what is usual where nothing is seen", async () => {
    assert.equal(await isEqualized(channelsOf(-1, 100), perChannel, zeros([1, 1, 8, 8])), false);
  });
});
