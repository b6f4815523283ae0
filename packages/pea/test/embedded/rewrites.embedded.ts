import { describe, test } from "node:test";
import { undilate } from "../../src/export/ethos-u/undilate.ts";
import { unstride } from "../../src/export/ethos-u/unstride.ts";
import { writeTflite } from "../../src/export/tflite/write-tflite.ts";
import { fileInputs, interpretedBytes } from "../support/quantized-runs.ts";
import { dilatedRuns, stridedRuns } from "../support/rewrite-cases.ts";
import { assertSameBytes, type Computed, runModels } from "./runtimes.ts";

const runs = [
  ...dilatedRuns.map((run) => ({ run, graph: undilate(run.graph).graph })),
  ...stridedRuns.map((run) => ({ run, graph: unstride(run.graph).graph })),
];

const computed = runModels(
  runs.map(({ run, graph }) => ({ model: writeTflite(graph), inputs: fileInputs(run) })),
);

describe("rewritten layers give the bytes of those that they were, in both runtimes", () => {
  runs.forEach(({ run }, place) => {
    test(run.name, () => {
      assertSameBytes(computed[place] as Computed, interpretedBytes(run));
    });
  });
});
