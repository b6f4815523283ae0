import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContenderName } from "../contenders.ts";
import { judge } from "../goals.ts";
import type { ActivationVariant, NetworkWorkload } from "../protocol.ts";
import { type Measurement, ratio } from "../results.ts";
import { geometricMean, median, quantile } from "../statistics.ts";

function step(contender: ContenderName, activation: ActivationVariant, rounds: number[]): Measurement {
  return {
    suite: "step",
    contender,
    threads: 2,
    workload: {
      kind: "step",
      network: "resnet18",
      image: [3, 224, 224],
      classes: 1000,
      batch: 16,
      activation,
      precision: "fp32",
    },
    unit: "ms",
    rounds,
    parts: { forward: rounds.map((time) => time / 4) },
    minorFaults: rounds.map(() => 0),
  };
}

function verdict(what: RegExp, measurements: Measurement[]) {
  const found = judge(measurements).find((item) => what.test(item.what));
  assert(found);
  return found;
}

test("quantiles interpolate between the two nearest values", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(quantile([0, 10], 0.1), 1);
  assert.ok(Math.abs(geometricMean([1, 4, 16]) - 4) < 1e-12);
});

test("a ratio is the median of the rounds' ratios, so a slow round harms neither side", () => {
  const ours = step("pea", "weighted-gelu", [10, 100, 11]);
  const theirs = step("torch1", "relu", [20, 200, 20]);
  assert.equal(ratio(ours, theirs), 0.5);
  assert.equal(ratio(ours, ours, "forward"), 1);
});

test("a goal is judged by its worst value and says where that is", () => {
  const found = verdict(/PEA step ÷ own ReLU/, [
    step("pea", "relu", [10, 10]),
    step("pea", "weighted-gelu", [10.1, 10.1]),
    step("pea", "stochastic-mish", [12, 12]),
  ]);
  assert.equal(found.isMet, false);
  assert.equal(found.worst?.value, 1.2);
  assert.equal(found.worst?.where, "resnet18, batch 16, fp32 stochastic-mish, pea");
});

test("a lower bound is met from above", () => {
  const ours = step("pea", "weighted-gelu", [10]);
  assert.equal(verdict(/geometric mean/, [ours, step("torch1", "weighted-gelu", [31])]).isMet, true);
  assert.equal(verdict(/geometric mean/, [ours, step("torch1", "weighted-gelu", [29])]).isMet, false);
});

test("a loader is judged by the images it gives in the time in which a step takes its own", () => {
  const loader = (contender: ContenderName, rounds: number[], training: boolean): Measurement => ({
    ...step(contender, "relu", rounds),
    suite: "loader",
    workload: {
      kind: "loader",
      folder: "images",
      images: 40,
      batch: 16,
      side: 224,
      step: training ? (step(contender, "relu", []).workload as NetworkWorkload) : null,
    },
  });
  // Of 40 images two whole batches of 16: 32 images in 10 ms beside 16 in 20.
  const found = verdict(/images the loader gives/, [
    { ...step("pea", "relu", [20, 20]), suite: "loader" },
    loader("pea", [10, 10], false),
    loader("pea", [50, 50], true),
    { ...step("torch1", "relu", [20, 20]), suite: "loader" },
    loader("torch1", [1000, 1000], false),
    loader("torch1", [1000, 1000], true),
  ]);
  assert.deepEqual(found.worst, { value: 4, where: "resnet18, batch 16, pea" });
  assert.equal(found.isMet, true);
});

test("what was not measured is not met and has no value", () => {
  assert.ok(judge([]).every(({ worst, isMet }) => worst === null && !isMet));
});
