import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { QuantizedGraph } from "@pea/graph";
import { setNumThreads } from "@pea/torch";
import { forNpu } from "../../src/export/ethos-u/ethos-u-target.ts";
import { type EthosU, notPlaced } from "../../src/export/ethos-u/limits.ts";
import { compileWithVela } from "../../src/export/ethos-u/vela.ts";
import { writeTflite } from "../../src/export/tflite/write-tflite.ts";
import { generatedNetworks } from "../support/generated-networks.ts";
import { QuantizedBuilder, scaled, singleOperators } from "../support/quantized-cases.ts";
import { knownNetworks, quantizedNetwork } from "../support/quantized-networks.ts";
import { readTflite } from "../support/tflite-reader.ts";

setNumThreads(1);
const vela = process.env.PEA_VELA ?? "vela";
const accelerators = { "ethos-u55": 128, "ethos-u65": 256, "ethos-u85": 256 } as const;
const chips = Object.keys(accelerators) as EthosU[];
const compile = (graph: QuantizedGraph, chip: EthosU, form = {}) =>
  compileWithVela(vela, writeTflite(graph, form), `${chip}-${accelerators[chip]}`);

describe("what Vela leaves to the processor is what the table has", () => {
  for (const chip of chips)
    for (const [name, make] of Object.entries(singleOperators))
      test(`${name}, ${chip}`, async () => {
        const graph = make();
        const { report } = await compile(graph, chip);
        assert.equal(
          report.cpuOperators,
          notPlaced(graph, chip).length,
          JSON.stringify(notPlaced(graph, chip)),
        );
      });
});

describe("Vela places all of a network but QUANTIZE and DEQUANTIZE", () => {
  for (const network of [...knownNetworks, ...generatedNetworks])
    test(network.name, async () => {
      const { graph } = forNpu(await quantizedNetwork(network, 3));
      for (const chip of chips) {
        assert.deepEqual(notPlaced(graph, chip), []);
        assert.equal((await compile(graph, chip)).report.cpuOperators, 0, chip);
        const { model, report } = await compile(graph, chip, { inputType: "float32", outputType: "float32" });
        assert.equal(report.cpuOperators, 2, chip);
        assert.deepEqual(
          readTflite(model).operators.map(({ name }) => name),
          ["QUANTIZE", "CUSTOM", "DEQUANTIZE"],
        );
      }
    });
});

describe("rewrites cost less", () => {
  const cycles = async (graph: QuantizedGraph, chip: EthosU) => (await compile(graph, chip)).report.npuCycles;

  test("ERFNet without dilations: at most 0.83 of the cycles on a U55-128", async () => {
    const [erfnet] = knownNetworks.filter(({ name }) => name.startsWith("erfnet"));
    assert.ok(erfnet);
    const plain = await quantizedNetwork(erfnet);
    const [before, after] = [
      await cycles(plain, "ethos-u55"),
      await cycles(forNpu(plain).graph, "ethos-u55"),
    ];
    assert.ok(after <= 0.83 * before, `${after} of ${before}`);
  });

  test("AlexNet's first layer over blocks of pixels: at most 0.05 of the cycles of one window at a time", async () => {
    const layer = (pad: number) => {
      const builder = new QuantizedBuilder(
        ["batch", 3, 224 + 4 - 2 * pad, 224 + 4 - 2 * pad],
        scaled(0.05, 3),
      );
      builder.layer("Conv", "x", [16, 3, 11, 11], { strides: [4, 4], pads: [pad, pad, pad, pad] });
      return builder.graph();
    };
    const [before, after] = [
      await cycles(layer(0), "ethos-u55"),
      await cycles(forNpu(layer(2)).graph, "ethos-u55"),
    ];
    assert.ok(after <= 0.05 * before, `${after} of ${before}`);
  });
});
