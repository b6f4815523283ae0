/** What the committed studies of integers lose, held to what is wanted of it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Result } from "../../src/compare/results.ts";

/** Points of the score that a run may lose, exported with a scale for each channel, the same trained for, and with one for a layer. */
const bounds = { afterwards: 0.5, aware: 0.2, perTensor: 1 } as const;

function lossesOf(study: string) {
  const file = fileURLToPath(new URL(`../../../../results/${study}/results.jsonl`, import.meta.url));
  const results = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Result);
  return results.flatMap(({ variant, seed, targets = {} }) =>
    Object.entries(targets).flatMap(([target, { loss }]) => {
      // TensorFlow Lite's files were scored on a few images, of which one is as much as what may be lost.
      if (loss == null || target === "tflite") return [];
      const kind = /one scale a layer/.test(target)
        ? "perTensor"
        : /aware/.test(variant)
          ? "aware"
          : "afterwards";
      return [{ run: `${variant}, seed ${seed}`, kind, loss }] as const;
    }),
  );
}

const beyond = (study: string) =>
  lossesOf(study).flatMap(({ run, kind, loss }) =>
    loss > bounds[kind] ? [`${run}: ${loss.toFixed(2)}`] : [],
  );

describe("in the committed studies runs lose no more in integers than is wanted", () => {
  test("MobileNet on Fashion-MNIST: none of the 60 exports", () => {
    assert.equal(lossesOf("int8").length, 60);
    assert.deepEqual(beyond("int8"), []);
  });

  test("ERFNet on made scenes: one of the 30, as docs/deviations.md says", () => {
    assert.equal(lossesOf("int8-scenes").length, 30);
    assert.deepEqual(beyond("int8-scenes"), ["Mish, ReLU from 75%, aware, seed 4: 0.23"]);
  });
});
