import assert from "node:assert/strict";
import { test } from "node:test";
import { usualScheme } from "@pea/graph";
import type { ScoreComparison } from "../../src/export/compare-scores.ts";
import { type Calibration, requireSmallLoss } from "../../src/export/integer-summary.ts";

const scores: ScoreComparison = {
  ...{ images: 100, metric: "top1", loss: 1.5, sameClass: 95 },
  float: { loss: 0.3, top1: 90 },
  deployed: { loss: 0.4, top1: 88.5 },
};
const minmax: Calibration = { images: 1000, method: "minmax" };
const refusal = (calibration: Calibration, perTensor: boolean, isOfSome?: boolean) => () =>
  requireSmallLoss(scores, 0.5, { calibration, scheme: usualScheme({ perTensor }), isOfSome });

test("what may be lost is lost without a word", () => {
  requireSmallLoss(scores, 1.5, { calibration: minmax, scheme: usualScheme({}) });
});

test("of what loses more the ways out are told, by how its ranges were found and what it was scored on", () => {
  const lost =
    "integers lose 1.50 points of top-1 (90.00 to 88.50 %) on 100 test images, more than the 0.5 that may be lost: ";
  assert.throws(refusal(minmax, false), {
    message: `${lost}take more training images (--calibration-images), another calibration (--calibration), or allow for more (--max-loss)`,
  });
  assert.throws(refusal(minmax, false, true), {
    message: `${lost}score more of the test images (--images), take more training images (--calibration-images), another calibration (--calibration), or allow for more (--max-loss)`,
  });
  assert.throws(refusal({ images: 0, method: "trained" }, true), {
    message: `${lost}train longer with rounded numbers, calibrate instead (--calibration), a scale for each output (leave --per-tensor out), or allow for more (--max-loss)`,
  });
});
