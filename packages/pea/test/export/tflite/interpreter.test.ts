import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { digestOf, litertDigests } from "../../support/litert-digests.ts";
import { interpretedBytes, singleRuns } from "../../support/quantized-runs.ts";

describe("the interpreter gives the bytes that LiteRT's reference kernels gave", () => {
  const digests = JSON.parse(readFileSync(litertDigests, "utf8")) as Record<string, string>;
  for (const run of singleRuns)
    test(run.name, () => {
      assert.equal(digestOf(interpretedBytes(run)), digests[run.name]);
    });
});
