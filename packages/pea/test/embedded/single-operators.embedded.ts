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

/** Without a kernel in LiteRT for Microcontrollers; the target tflm refuses them. */
const onlyInLiteRt = ["Resize, linear, half pixels, int16", "Resize, linear, aligned corners, int16"];

describe("the interpreter, LiteRT's reference kernels and LiteRT for Microcontrollers give the same bytes", () => {
  singleRuns.forEach((run, place) => {
    test(run.name, () => {
      const { litert, micro } = computed[place] as Computed;
      const expected = interpretedBytes(run);
      if (!onlyInLiteRt.includes(run.name)) return assertSameBytes({ litert, micro }, expected);
      assert.deepEqual(litert, new Uint8Array(expected));
      assert.equal(micro, "Interpreter invocation failed.");
    });
  });
});

test("the digests that tests without Python compare with are of LiteRT's bytes", () => {
  const digests = singleRuns.map(({ name }, place) => [name, digestOf((computed[place] as Computed).litert)]);
  assert.deepEqual(JSON.parse(readFileSync(litertDigests, "utf8")), Object.fromEntries(digests));
});
