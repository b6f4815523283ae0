import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type QuantizedGraph, quantize, type SchemeWishes, usualScheme } from "@pea/graph";
import { setNumThreads } from "@pea/torch";
import type { EthosU } from "../../src/export/ethos-u/chips.ts";
import { forNpu } from "../../src/export/ethos-u/ethos-u-target.ts";
import { notPlaced } from "../../src/export/ethos-u/limits.ts";
import { requireVela } from "../../src/export/ethos-u/require-vela.ts";
import { compileWithVela } from "../../src/export/ethos-u/vela.ts";
import { writeTflite } from "../../src/export/tflite/write-tflite.ts";
import { generatedNetworks } from "../support/generated-networks.ts";
import { notCompiledCases, npuCases } from "../support/npu-cases.ts";
import { QuantizedBuilder, scaled, singleOperators, wideOperators } from "../support/quantized-cases.ts";
import { knownNetworks, quantizedNetwork, rangedNetwork } from "../support/quantized-networks.ts";
import { type ReadModel, type ReadTensor, readTflite } from "../support/tflite-reader.ts";

setNumThreads(1);
const vela = process.env.PEA_VELA ?? "vela";
const accelerators = { "ethos-u55": 128, "ethos-u65": 256, "ethos-u85": 256 } as const;
const chips = Object.keys(accelerators) as EthosU[];
const compile = (graph: QuantizedGraph, chip: EthosU, form = {}) =>
  compileWithVela(writeTflite(graph, form), `${chip}-${accelerators[chip]}`, { vela });

describe("what Vela leaves to the processor is what the table has", () => {
  const cases = [
    ...Object.entries(singleOperators),
    ...Object.entries(wideOperators).map(([name, make]) => [`${name} in int16`, make] as const),
    ...npuCases.map(({ name, create }) => [name, create] as const),
  ];
  for (const chip of chips)
    for (const [name, make] of cases)
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

describe("what Vela fails on is what the table refuses", () => {
  for (const { name, create } of notCompiledCases)
    test(name, async () => {
      const graph = create();
      for (const chip of ["ethos-u55", "ethos-u65"] as const)
        await assert.rejects(compile(graph, chip), /Vela does not compile the network/);
      assert.equal((await compile(graph, "ethos-u85")).report.cpuOperators, 0);
    });
});

test("Vela refuses names that it does not know before a network is there", async () => {
  for (const chip of chips) {
    const accelerator = `${chip}-${accelerators[chip]}`;
    const known = {
      "ethos-u55": "Ethos_U55_Deep_Embedded",
      "ethos-u65": "Ethos_U65_Embedded",
      "ethos-u85": undefined,
    };
    await requireVela(accelerator, { vela, systemConfig: known[chip], memoryMode: "Sram_Only" });
    await assert.rejects(requireVela(accelerator, { vela, systemConfig: "Nope" }), {
      kind: "usage",
      message: /Section System_Config\.Nope not found .*\(tried on a network of one ReLU\)$/,
    });
    await assert.rejects(requireVela(accelerator, { vela, memoryMode: "Nope" }), {
      kind: "usage",
      message: /Section Memory_Mode\.Nope not found/,
    });
  }
});

/** What some of a file's tensors are, whatever it calls them. */
function typesOf({ tensors }: ReadModel, places: readonly number[]) {
  return places.map((place) => {
    const { shape, type, scales, zeroPoints } = tensors[place] as ReadTensor;
    return { shape, type, scales, zeroPoints };
  });
}

function endsOf(file: Uint8Array) {
  const model = readTflite(file);
  return [typesOf(model, model.inputs), typesOf(model, model.outputs)];
}

const operatorsOf = (file: Uint8Array) => readTflite(file).operators.map(({ name }) => name);

describe("Vela places all of a network but QUANTIZE and DEQUANTIZE", () => {
  const schemes: readonly SchemeWishes[] = [{}, { perTensor: true }, { activations: "int16" }];
  for (const network of [...knownNetworks, ...generatedNetworks])
    test(network.name, async () => {
      const { plan, ranges } = await rangedNetwork(network, 3);
      for (const wishes of schemes) {
        const { graph } = forNpu(quantize(plan, ranges, usualScheme(wishes)));
        for (const chip of chips) {
          assert.deepEqual(notPlaced(graph, chip), []);
          const { model, report } = await compile(graph, chip);
          assert.equal(report.cpuOperators, 0, chip);
          assert.deepEqual(operatorsOf(model), ["CUSTOM"]);
          assert.deepEqual(endsOf(model), endsOf(writeTflite(graph)));
        }
      }
      const { graph } = forNpu(quantize(plan, ranges, usualScheme({})));
      const form = { inputType: "float32", outputType: "float32" } as const;
      for (const chip of chips) {
        const { model, report } = await compile(graph, chip, form);
        assert.equal(report.cpuOperators, 2, chip);
        assert.deepEqual(operatorsOf(model), ["QUANTIZE", "CUSTOM", "DEQUANTIZE"]);
        assert.deepEqual(endsOf(model), endsOf(writeTflite(graph, form)));
      }
    });
});

test("what Vela leaves to the processor keeps its place and its types between what it takes", async () => {
  const builder = new QuantizedBuilder([1, 3, 8, 8], scaled(0.05, 3));
  const first = builder.layer("Conv", "x", [4, 3, 3, 3], { pads: [1, 1, 1, 1] });
  const wider = builder.node("Resize", [first], { scales: [1, 1, 3, 2], mode: "nearest" });
  builder.layer("Conv", wider, [2, 4, 1, 1]);
  const graph = builder.graph();
  const { model } = await compile(graph, "ethos-u55", { outputType: "float32" });
  assert.deepEqual(operatorsOf(model), ["CUSTOM", "RESIZE_NEAREST_NEIGHBOR", "CUSTOM", "DEQUANTIZE"]);
  const resized = (file: Uint8Array) => {
    const read = readTflite(file);
    const resize = read.operators.find(({ name }) => name === "RESIZE_NEAREST_NEIGHBOR");
    return typesOf(read, [resize?.inputs[0] ?? -1, resize?.outputs[0] ?? -1]);
  };
  assert.deepEqual(resized(model), resized(writeTflite(graph)));
});

describe("rewrites cost less", () => {
  const cycles = async (graph: QuantizedGraph, chip: EthosU) => (await compile(graph, chip)).report.npuCycles;

  test("ERFNet without dilations: at most 0.83 of the cycles on a U55-128", async () => {
    const [erfnet] = knownNetworks.filter(({ name }) => name.startsWith("erfnet-segmentation"));
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
