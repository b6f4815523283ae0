import { describe, test } from "node:test";
import { setNumThreads } from "@pea/torch";
import { undilate } from "../../src/export/ethos-u/undilate.ts";
import { unstride } from "../../src/export/ethos-u/unstride.ts";
import { writeTflite } from "../../src/export/tflite/write-tflite.ts";
import { generatedNetworks } from "../support/generated-networks.ts";
import { networksOfToday } from "../support/networks-of-today.ts";
import { knownNetworks, type NetworkCase, quantizedNetwork } from "../support/quantized-networks.ts";
import { fileInputs, interpretedBytes, runOf } from "../support/quantized-runs.ts";
import { assertSameBytes, type Computed, runModels } from "./runtimes.ts";

setNumThreads(1);

const ofToday: readonly NetworkCase[] = Object.entries(networksOfToday)
  // Its pooling to a given size is a product of matrices, which has no integer form.
  .filter(([name]) => name !== "VGG with average pooling")
  .map(([name, create]) => ({ name, create, shape: [3, 64, 64] }));

describe("the interpreter, LiteRT's reference kernels and LiteRT for Microcontrollers give the same bytes", () => {
  for (const network of [...knownNetworks, ...ofToday, ...generatedNetworks])
    test(network.name, async () => {
      const graph = await quantizedNetwork(network, 3);
      const run = runOf(network.name, graph, 2, 5);
      const forNpu = unstride(undilate(graph).graph).graph;
      const files = [graph, forNpu].map((each) => ({ model: writeTflite(each), inputs: fileInputs(run) }));
      const expected = interpretedBytes(run);
      for (const computed of runModels(files)) assertSameBytes(computed as Computed, expected);
    });
});
