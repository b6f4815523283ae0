import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createModel, stepCost } from "pea-train";
import type { ContenderName } from "../contenders.ts";
import { judge } from "../goals.ts";
import { costlyMethods } from "../method-costs.ts";
import { predictedWaiting } from "../predicted.ts";
import type { ActivationVariant, BenchMethod, NetworkWorkload, Precision } from "../protocol.ts";
import { goalsTable } from "../report.ts";
import { type Measurement, methodSteps, type NetworkMeasurement, ratio } from "../results.ts";

function step(
  contender: ContenderName,
  activation: ActivationVariant,
  rounds: number[],
  precision: Precision = "fp32",
): Measurement {
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
      precision,
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
  assert.equal(found.outcome, "missed");
  assert.equal(found.worst?.value, 1.2);
  assert.equal(found.worst?.where, "resnet18, batch 16, fp32 stochastic-mish, pea");
});

for (const [outcome, rounds] of [
  ["met", [10, 10.1, 10.3]],
  ["undecided", [10, 10.4, 10.5]],
  ["missed", [10.31, 10.4, 10.5]],
] as const)
  test(`a value from ${rounds[0]} to ${rounds[2]} against a bound of 10.3 is ${outcome}`, () => {
    const found = verdict(/PEA step ÷ own ReLU/, [
      step("pea", "relu", [10, 10, 10]),
      step("pea", "weighted-gelu", [...rounds]),
    ]);
    assert.equal(found.outcome, outcome);
    assert.deepEqual(found.worst?.interval, [rounds[0] / 10, rounds[2] / 10]);
  });

test("what misses a goal for certain is shown before a worse value that may be noise", () => {
  const found = verdict(/PEA step ÷ own ReLU/, [
    step("pea", "relu", [10, 10, 10]),
    step("pea", "weighted-gelu", [10.4, 10.4, 10.4]),
    step("pea", "stochastic-mish", [10, 11, 12]),
  ]);
  assert.equal(found.outcome, "missed");
  assert.equal(found.worst?.value, 1.04);
});

test("a lower bound is met from above", () => {
  const ours = step("pea", "weighted-gelu", [10]);
  assert.equal(verdict(/geometric mean/, [ours, step("torch1", "weighted-gelu", [31])]).outcome, "met");
  assert.equal(verdict(/geometric mean/, [ours, step("torch1", "weighted-gelu", [29])]).outcome, "missed");
});

test("page faults must be fewer than the bound", () => {
  const withFaults = (minorFaults: number) => [
    { ...step("pea", "weighted-gelu", [10]), minorFaults: [minorFaults] },
  ];
  assert.equal(verdict(/page faults/, withFaults(99)).outcome, "met");
  assert.equal(verdict(/page faults/, withFaults(100)).outcome, "missed");
});

test("a goal in float32 is not judged by bfloat16, and bfloat16 against itself is only told", () => {
  const measurements = [
    step("pea", "weighted-gelu", [20], "bf16"),
    step("torch1", "relu", [10], "bf16"),
    step("torch1", "relu", [10]),
  ];
  assert.equal(verdict(/^PEA step ÷ tuned PyTorch's ReLU step \(fp32\)/, measurements).worst, null);
  const told = verdict(/PyTorch's bf16 ReLU step/, measurements);
  assert.deepEqual([told.bound, told.worst?.value, told.outcome], ["", 2, null]);
  const table = goalsTable(judge(measurements));
  assert.match(table, /PyTorch's bf16 ReLU step \| {2}\| 2 \| 2–2 \| for information \|/);
  assert.doesNotMatch(goalsTable(judge([])), /for information|PyTorch's bf16 ReLU step/);
});

test("a value that is not finite is an error that says where", () => {
  const fewer = [step("pea", "relu", [10]), step("pea", "weighted-gelu", [10, 11])];
  assert.throws(() => judge(fewer), /resnet18, batch 16, fp32 weighted-gelu, pea: a sample of \[1, NaN\]/);
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
  assert.deepEqual(found.worst, { value: 4, interval: [4, 4], where: "resnet18, batch 16, pea" });
  assert.equal(found.outcome, "met");
});

test("what was not measured has neither value nor outcome", () => {
  assert.ok(judge([]).every(({ worst, outcome }) => worst === null && outcome === null));
});

test("an imported network's step is judged by that of the same network and activation", () => {
  const written = { ...step("pea", "relu", [10, 10]), suite: "imported" } as const;
  const other = { ...step("pea", "weighted-gelu", [1, 1]), suite: "imported" } as const;
  const imported = {
    ...step("pea", "relu", [10.4, 10.4]),
    suite: "imported",
    workload: { ...written.workload, imported: true },
  } as Measurement;
  const found = verdict(/imported network/, [written, other, imported]);
  assert.equal(found.outcome, "met");
  assert.equal(found.worst?.value, 1.04);
  assert.equal(verdict(/imported network/, [written, other]).worst, null);
});

/** A step with a method, or without one. */
function withMethod(network: string, rounds: number[], method?: BenchMethod): Measurement {
  const { workload, ...others } = step("pea", "relu", rounds);
  return {
    ...others,
    suite: "methods",
    workload: { ...(workload as NetworkWorkload), network, ...(method && { method }) },
  };
}

test("a method's step is judged by that of the same network with ReLU, apart where its README tells a greater cost", () => {
  const measurements = [
    withMethod("resnet18-small", [100, 100]),
    withMethod("mobilenet-0.25-small", [10, 10]),
    withMethod("resnet18-small", [104, 104], "sugar"),
    withMethod("mobilenet-0.25-small", [11, 11], "sugar"),
    withMethod("resnet18-small", [1200, 1200], "expand"),
  ];
  const judged = verdict(/step with a training method/, measurements);
  assert.deepEqual(judged.worst, {
    value: 1.04,
    interval: [1.04, 1.04],
    where: "resnet18-small, batch 16, sugar",
  });
  assert.equal(judged.outcome, "met");
  const told = verdict(/that cost more, as their READMEs say/, measurements);
  assert.deepEqual([told.bound, told.worst?.value, told.outcome], ["", 12, null]);
  const missed = [...measurements, withMethod("mobilenet-0.25-small", [10.6, 10.6], "mixup")];
  assert.equal(verdict(/step with a training method/, missed).outcome, "missed");
});

test("streamed steps with a method are judged by streamed ones, and told by the time of one", () => {
  const streamed = (rounds: number[], method?: BenchMethod): Measurement => {
    const { workload, ...others } = withMethod("resnet18", [], method);
    const loader = { kind: "loader", folder: "images", images: 128, batch: 16, side: 224 } as const;
    return { ...others, rounds, workload: { ...loader, step: workload as NetworkWorkload } };
  };
  const measurements = [streamed([800, 800]), streamed([832, 832], "randaugment")];
  const found = verdict(/step with a training method/, [...measurements, withMethod("resnet18", [1, 1])]);
  assert.deepEqual(
    [found.worst?.value, found.worst?.where],
    [1.04, "resnet18, batch 16, streamed, randaugment"],
  );
  assert.deepEqual(methodSteps(measurements)[0]?.own.rounds, [104, 104]);
});

test("a method that may cost more has a README that tells the cost", () => {
  const methods = join(import.meta.dirname, "../../packages/pea/src/methods");
  for (const name of costlyMethods)
    assert.match(
      readFileSync(join(methods, name, "README.md"), "utf8"),
      /^\*\*Cost\.\*\* .*(times|forward pass)/m,
      name,
    );
});

/** A step of one process, or of two ranks that wait a part of it. */
function distributed(contender: ContenderName, rounds: number[], waiting?: number): Measurement {
  const { workload, ...others } = step(contender, "relu", rounds);
  if (waiting === undefined) return { ...others, workload, suite: "distributed" };
  return {
    ...others,
    suite: "distributed",
    workload: { ...(workload as NetworkWorkload), ranks: 2 },
    parts: {
      forward: rounds.map((time) => 0.3 * time),
      backward: rounds.map((time) => 0.6 * time),
      waiting: rounds.map((time) => waiting * time),
    },
  };
}

test("two ranks are judged by one process on the same batch, by the peer's two, and by how long they wait", () => {
  const overSockets = distributed("pea", [200, 200], 0.5);
  Object.assign(overSockets.workload, { sockets: true });
  const measurements = [
    distributed("pea", [100, 100]),
    distributed("torch1", [10, 10]),
    distributed("pea", [90, 90], 0.05),
    overSockets,
    distributed("torch1", [120, 120], 0.2),
  ];
  const alone = verdict(/two ranks of one thread ÷ of one process/, measurements);
  assert.deepEqual([alone.worst?.value, alone.outcome], [0.9, "met"]);
  assert.equal(verdict(/DistributedDataParallel/, measurements).worst?.value, 0.75);
  const waiting = verdict(/a rank waits/, measurements);
  assert.deepEqual([waiting.worst?.value, waiting.outcome], [0.05, "met"]);
  assert.equal(verdict(/a rank waits/, measurements.slice(0, 2)).worst, null);
});

test("what two ranks wait is told beside what the formula gives, of sums that were measured alone", () => {
  const sums = [1, 11_689_512].map(
    (numbers): Measurement => ({
      ...step("pea", "relu", [numbers === 1 ? 2 : 42]),
      suite: "distributed",
      workload: { kind: "all-reduce", numbers, ranks: 2 },
    }),
  );
  const shared = distributed("pea", [1000], 0.1);
  const model = createModel("resnet18");
  const parameters = model.parameters().map(({ numel }) => numel);
  model.dispose();
  const { waiting } = stepCost(
    { parameters, forward: 0.3, backward: 0.6 },
    { ranks: 2, latency: 1e-3, bitsPerSecond: (32 * 11_689_512) / 0.04 },
  );
  assert.equal(predictedWaiting(shared as NetworkMeasurement, [shared, ...sums]), waiting);
  assert.equal(predictedWaiting(shared as NetworkMeasurement, [shared]), null);
});
