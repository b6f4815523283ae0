import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { PeaError } from "@pea/core";
import { readResults } from "../../src/compare/results.ts";
import { resultsOf } from "../support/results.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const folder = temporaryFolder();
const file = join(folder, "results.jsonl");
after(() => rmSync(folder, { recursive: true }));

const epoch = {
  epoch: 1,
  trainLoss: 0.5,
  validationLoss: null,
  currentScore: 90,
  deployedScore: 10,
  alpha: 0.5,
  learningRate: 0.1,
};
const [result] = resultsOf("SM75%", [91.5]);

/** Writes lines, objects as JSON, and reads them as results. */
function read(...lines: unknown[]) {
  writeFileSync(
    file,
    lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join(""),
  );
  return readResults(folder);
}

describe("readResults", () => {
  test("reads the file or its folder, and keeps what else a line holds", () => {
    const line = { ...result, epochs: [epoch], recipe: "5f3a" };
    assert.deepEqual(read(line, ""), [line]);
    assert.deepEqual(readResults(file), [line]);
  });

  test("keeps how many images a run was without, part by part", () => {
    const skipped = { train: 2, test: 1 };
    assert.deepEqual(read({ ...result, skipped })[0]?.skipped, skipped);
    assert.throws(() => read({ ...result, skipped: { tests: 1 } }), /line 1 is not a result: skipped/);
  });

  test("takes scores for top-1 where nothing else is said", () => {
    assert.equal(read({ ...result, metric: undefined })[0]?.metric, "top1");
  });

  test("reads the scores by epoch that earlier versions called accuracies", () => {
    const { currentScore, deployedScore, ...others } = epoch;
    const older = { ...others, currentAccuracy: 90, deployedAccuracy: 10, testAccuracy: 91 };
    assert.deepEqual(read({ ...result, epochs: [older] })[0]?.epochs, [{ ...epoch, testScore: 91 }]);
  });

  test("takes a run without a best model", () => {
    assert.equal(read({ ...result, test: { best: null, last: 90 } })[0]?.test.best, null);
  });

  for (const [what, lines, message] of [
    ["a torn line", [result, '{"network": "mobi'], /results\.jsonl, line 2 is not JSON: \{"network": "mobi$/],
    ["a line of another kind", [7], /line 1 is not a result: it: /],
    ["a missing key", [{ ...result, network: undefined }], /line 1 is not a result: network: /],
    ["a share for a percentage", [{ ...result, test: { best: 915, last: 90 } }], /test\.best: .*100/],
    ["a damaged curve", [{ ...result, epochs: [epoch, { ...epoch, alpha: "x" }] }], /epochs\.1\.alpha: /],
    [
      "the same run twice",
      [result, { ...result, seed: 1 }, result],
      /lines 1 and 3 are the same run: mobilenet-0\.25-small on fashion-mnist, SM75%, seed 0; remove one$/,
    ],
    ["no line at all", [], /results\.jsonl holds no results$/],
  ] as const)
    test(`names ${what}`, () => {
      assert.throws(() => read(...lines), { name: "PeaError", message });
    });

  test("says what to give where there is no file", () => {
    assert.throws(
      () => readResults(join(folder, "nothing")),
      (error) =>
        error instanceof PeaError &&
        error.kind === "usage" &&
        /give the folder of a study/.test(error.message),
    );
  });
});
