import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setNumThreads } from "@pea/torch";
import { encodeTflite } from "../../src/export/tflite/encode.ts";
import { lowerToTflite } from "../../src/export/tflite/write-tflite.ts";
import { arenaBytes } from "../../src/export/tflm/arena.ts";
import { generatedNetworks } from "../support/generated-networks.ts";
import { knownNetworks, quantizedNetwork } from "../support/quantized-networks.ts";
import { fileInputs, runOf } from "../support/quantized-runs.ts";
import { runModels } from "./runtimes.ts";

setNumThreads(1);

describe("the arena's estimate is enough, and not half as much again", () => {
  for (const network of [...knownNetworks, ...generatedNetworks])
    test(network.name, async () => {
      const graph = await quantizedNetwork(network, 3);
      const model = lowerToTflite(graph);
      const arena = arenaBytes(model);
      const given = { model: encodeTflite(model), inputs: fileInputs(runOf(network.name, graph, 1, 1)) };
      const [enough] = runModels([{ ...given, arena }]);
      assert.ok(enough?.micro instanceof Uint8Array, `${arena} bytes: ${enough?.micro}`);
      const isEnough = runs({ ...given, arena: Math.floor(arena / 1.5) });
      assert.ok(!isEnough, `${arena} bytes, of which two thirds are enough`);
    });
});

/** With too little memory it says so, or ends the process. */
function runs(model: Parameters<typeof runModels>[0][number]): boolean {
  try {
    return runModels([model])[0]?.micro instanceof Uint8Array;
  } catch {
    return false;
  }
}
