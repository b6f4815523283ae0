import { describe, test } from "node:test";
import { quantize, type SchemeWishes, usualScheme } from "@pea/graph";
import {
  BatchNorm2d,
  Conv2d,
  fillInPlace,
  narrow,
  noGrad,
  ReLU,
  Sequential,
  scope,
  setNumThreads,
  type Tensor,
} from "@pea/torch";
import { undilate } from "../../src/export/ethos-u/undilate.ts";
import { unstride } from "../../src/export/ethos-u/unstride.ts";
import { writeTflite } from "../../src/export/tflite/write-tflite.ts";
import { generatedNetworks } from "../support/generated-networks.ts";
import { networksOfToday } from "../support/networks-of-today.ts";
import {
  fullNetworks,
  knownNetworks,
  type NetworkCase,
  quantizedNetwork,
  rangedNetwork,
} from "../support/quantized-networks.ts";
import { fileInputs, interpretedBytes, runOf } from "../support/quantized-runs.ts";
import { assertSameBytes, type Computed, runModels } from "./runtimes.ts";

setNumThreads(1);

const ofToday: readonly NetworkCase[] = Object.entries(networksOfToday)
  // Its pooling to a given size is a product of matrices, which has no integer form.
  .filter(([name]) => name !== "VGG with average pooling")
  .map(([name, create]) => ({ name, create, shape: [3, 64, 64] }));

/** Weights that are all 0 or next to it beside a bias, of layers with and without batch norm; and a channel that reads such a one alone. */
const withDeadChannels: NetworkCase = {
  name: "dead channels",
  shape: [3, 12, 12],
  create: () => {
    const [first, depthwise, last] = [
      new Conv2d(3, 8, 3, { padding: 1 }),
      new Conv2d(8, 8, 3, { groups: 8 }),
      new Conv2d(8, 4, 1),
    ];
    const set = (to: Tensor | null, channel: number, value: number) =>
      scope(() => noGrad(() => void fillInPlace(narrow(to as Tensor, 0, channel, 1), value)));
    for (const [channel, weight] of [0, 1e-30, 1e-9].entries()) {
      set(first.weight, channel, weight);
      set(first.bias, channel, channel - 1);
      set(last.weight, channel, weight);
      set(last.bias, channel, 4);
    }
    return new Sequential(
      first,
      new BatchNorm2d(8),
      new ReLU(),
      depthwise,
      new BatchNorm2d(8),
      new ReLU(),
      last,
    );
  },
};

const schemes: Readonly<Record<string, SchemeWishes>> = {
  int8: {},
  "int8, one scale for all weights of a layer": { perTensor: true },
  int16: { activations: "int16" },
  "int16, one scale for all weights of a layer": { activations: "int16", perTensor: true },
};

/** Of int16 there is no Sigmoid here, and LiteRT for Microcontrollers scales no images: its target refuses them. */
const onlyInt8 = ["squeeze-and-excitation", "U-Net", "DeepLab"];

describe("the interpreter, LiteRT's reference kernels and LiteRT for Microcontrollers give the same bytes", () => {
  for (const network of [...knownNetworks, ...ofToday, ...generatedNetworks, withDeadChannels])
    test(network.name, async () => {
      const { plan, ranges } = await rangedNetwork(network, 3);
      const taken = Object.entries(schemes).filter(
        ([, { activations }]) => activations === undefined || !onlyInt8.includes(network.name),
      );
      const runs = taken.flatMap(([name, wishes], place) => {
        const graph = quantize(plan, ranges, usualScheme(wishes));
        const run = runOf(name, graph, place === 0 ? 2 : 1, 5);
        const expected = interpretedBytes(run);
        return [graph, unstride(undilate(graph).graph).graph].map((form) => ({
          name,
          expected,
          file: { model: writeTflite(form), inputs: fileInputs(run) },
        }));
      });
      const computed = runModels(runs.map(({ file }) => file));
      runs.forEach(({ name, expected }, place) => {
        assertSameBytes(computed[place] as Computed, expected, name);
      });
    });
});

describe("at full width they give the same bytes, too", () => {
  for (const network of fullNetworks)
    test(network.name, async () => {
      const graph = await quantizedNetwork(network, 3);
      const run = runOf(network.name, graph, 1, 5);
      const [computed] = runModels([{ model: writeTflite(graph), inputs: fileInputs(run) }]);
      assertSameBytes(computed as Computed, interpretedBytes(run));
    });
});
