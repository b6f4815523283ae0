import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { writeTflite } from "../../src/export/tflite/write-tflite.ts";
import { digestOf, litertDigests } from "../support/litert-digests.ts";
import { fileInputs, interpretedBytes, singleRuns } from "../support/quantized-runs.ts";
import { assertSameBytes, type Computed, runModels } from "./runtimes.ts";

const computed = runModels(
  singleRuns.map((run) => ({ model: writeTflite(run.graph), inputs: fileInputs(run) })),
);

describe("the interpreter, LiteRT's reference kernels and LiteRT for Microcontrollers give the same bytes", () => {
  singleRuns.forEach((run, place) => {
    test(run.name, () => {
      assertSameBytes(computed[place] as Computed, interpretedBytes(run));
    });
  });
});

test("the digests that tests without Python compare with are of LiteRT's bytes", () => {
  const digests = singleRuns.map(({ name }, place) => [name, digestOf((computed[place] as Computed).litert)]);
  assert.deepEqual(JSON.parse(readFileSync(litertDigests, "utf8")), Object.fromEntries(digests));
});
