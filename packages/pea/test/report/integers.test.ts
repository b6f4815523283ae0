import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { IntegerRecord } from "../../src/export/integer-record.ts";
import { page } from "../../src/report/page.ts";
import type { ReportRun } from "../../src/report/run.ts";
import { reportRun } from "../support/report-runs.ts";

const record: IntegerRecord = {
  target: "onnx-int8",
  bytes: 300 * 1024,
  scheme: { activations: "uint8", scales: "asymmetric", weights: "per channel" },
  calibration: { images: 1000, method: "minmax" },
  scores: {
    images: 10_000,
    metric: "top1",
    float: { loss: 0.3, top1: 90.5 },
    deployed: { loss: 0.31, top1: 90.25 },
    loss: 0.25,
    sameClass: 98.5,
  },
  layers: [
    { name: "a", operator: "Conv", path: "features.0", decibels: 40 },
    { name: "b", operator: "Conv", path: "features.1", decibels: 25.04 },
    { name: "c", operator: "Gemm", path: "fc", decibels: null },
  ],
  verified: ["ONNX Runtime computes all of it in integers"],
};

const textOf = (run: ReportRun): string =>
  page({ title: "made up", runs: [run] }, { source: "", toSvg: () => "<svg></svg>" })
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ");

describe("a run that was exported in integers", () => {
  const text = textOf(reportRun("ReLU", 0, { integers: [record] }));

  test("has its scores before and after, what is lost, and how often both say the same", () => {
    assert.match(
      text,
      /In integers Run, target .* ReLU-0, onnx-int8 10000 90\.50 90\.25 0\.25 98\.50 300\.0 /,
    );
  });

  test("has what was proven, and the layers by their noise, without those that have none", () => {
    assert.match(text, /ONNX Runtime computes all of it in integers/);
    assert.match(text, /Signal to noise, dB features\.1 \(Conv\) 25\.0 features\.0 \(Conv\) 40\.0 /);
    assert.doesNotMatch(text, /fc \(Gemm\)/);
  });
});

test("a run that was not has no such table", () => {
  assert.doesNotMatch(textOf(reportRun("ReLU", 0)), /In integers/);
});
