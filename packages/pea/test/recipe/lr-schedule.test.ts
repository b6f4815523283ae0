import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type LearningRatePlan, learningRateAt, turnsOf } from "../../src/recipe/lr-schedule.ts";

const near = (actual: number, expected: number, relative = 1e-9) =>
  assert.ok(
    Math.abs(actual - expected) <= relative * Math.max(Math.abs(expected), 1e-12),
    `${actual} is not ${expected}`,
  );

describe("step-wise learning rate of the ImageNet recipe (spec recipes 1.1)", () => {
  const plan: LearningRatePlan = {
    shape: "step",
    peak: 0.1,
    warmupSteps: 25_020,
    totalSteps: 600_480,
    boundaries: [150_120, 300_240, 400_320],
    gamma: 0.1,
    boundary: "inclusive",
  };
  const oracle: [step: number, rate: number][] = [
    [12_510, 0.05],
    [25_019, 0.0999960032],
    [25_020, 0.1],
    [150_120, 0.1],
    [150_121, 0.01],
    [300_240, 0.01],
    [300_241, 0.001],
    [400_321, 0.0001],
    [600_479, 0.0001],
  ];
  it("starts from exactly 0", () => assert.equal(learningRateAt(0, plan), 0));
  for (const [step, rate] of oracle)
    it(`is ${rate} at step ${step}`, () => near(learningRateAt(step, plan), rate));
  for (const [step, before, after] of [
    [150_120, 0.1, 0.01],
    [300_240, 0.01, 0.001],
    [400_320, 0.001, 0.0001],
  ] as const)
    it(`falls at step ${step} itself where boundaries are strict`, () => {
      const strict: LearningRatePlan = { ...plan, boundary: "strict" };
      near(learningRateAt(step - 1, strict), before);
      near(learningRateAt(step, strict), after);
    });
});

describe("cosine learning rate of the Cityscapes recipe (spec recipes 3.1)", () => {
  const plan: LearningRatePlan = {
    shape: "cosine",
    peak: 1e-3,
    warmupSteps: 119,
    totalSteps: 59_500,
    boundaries: [],
    gamma: 0.1,
    boundary: "inclusive",
  };
  const oracle: [step: number, rate: number][] = [
    [1, 8.403361e-6],
    [118, 9.915966e-4],
    [119, 1e-3],
    [29_809, 5.000132e-4],
  ];
  it("starts from exactly 0", () => assert.equal(learningRateAt(0, plan), 0));
  for (const [step, rate] of oracle)
    it(`is ${rate} at step ${step}`, () => near(learningRateAt(step, plan), rate, 1e-6));
  it("is 6.9975e-13 at the last step", () => near(learningRateAt(59_499, plan), 6.9975e-13, 1e-3));
  it("sums to 29.75", () => {
    let sum = 0;
    for (let step = 0; step < plan.totalSteps; step++) sum += learningRateAt(step, plan);
    near(sum, 29.75, 1e-3);
  });
});

describe("every shape", () => {
  const plans = fc.record({
    shape: fc.constantFrom("cosine", "step", "constant"),
    peak: fc.double({ min: 1e-6, max: 10, noNaN: true }),
    warmupSteps: fc.integer({ min: 0, max: 500 }),
    totalSteps: fc.integer({ min: 1, max: 1000 }),
    boundaries: fc.array(fc.integer({ min: 1, max: 1000 })),
    gamma: fc.double({ min: 0.01, max: 1, noNaN: true }),
    boundary: fc.constantFrom("inclusive", "strict"),
  });
  it("stays within 0 and the peak, also where the warm-up is as long as the run", () => {
    fc.assert(
      fc.property(plans, fc.integer({ min: 0, max: 999 }), (plan, step) => {
        const rate = learningRateAt(step % plan.totalSteps, plan);
        assert.ok(rate >= 0 && rate <= plan.peak, `${rate}`);
      }),
    );
  });
  it("never rises after the warm-up", () => {
    fc.assert(
      fc.property(plans, fc.integer({ min: 0, max: 999 }), (plan, offset) => {
        const step = plan.warmupSteps + offset;
        if (step + 1 >= plan.totalSteps) return;
        assert.ok(learningRateAt(step + 1, plan) <= learningRateAt(step, plan));
      }),
    );
  });
});

describe("learning rates of PyTorch's schedulers", () => {
  const common = { peak: 0.4, totalSteps: 20, boundaries: [], gamma: 0.1, boundary: "inclusive" } as const;
  const plans: Record<string, LearningRatePlan> = {
    "OneCycleLR(o, 0.4, total_steps=20, pct_start=0.3)": { ...common, shape: "onecycle", warmupSteps: 6 },
    "CosineAnnealingWarmRestarts(o, 5)": {
      ...common,
      ...{ shape: "restarts", warmupSteps: 0, cycle: { steps: 5, growth: 1 } },
    },
    "CosineAnnealingWarmRestarts(o, 3, 2)": {
      ...common,
      ...{ shape: "restarts", warmupSteps: 0, cycle: { steps: 3, growth: 2 } },
    },
  };
  const script = `import json, torch
rates = []
for scheduler in ${JSON.stringify(Object.keys(plans))}:
    o = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4, momentum=0.9)
    s = eval("torch.optim.lr_scheduler." + scheduler)
    rates.append([])
    for _ in range(20):
        rates[-1].append(o.param_groups[0]["lr"])
        o.step()
        if len(rates[-1]) < 20: s.step()
print(json.dumps(rates))`;
  const { status, stdout, stderr } = spawnSync("/usr/bin/python3", ["-c", script], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  const expected: number[][] = JSON.parse(stdout);
  for (const [i, [name, plan]] of Object.entries(plans).entries())
    it(`are those of ${name}`, () => {
      for (const [step, rate] of (expected[i] as number[]).entries()) near(learningRateAt(step, plan), rate);
    });

  it("restarts come after the warm-up, and are the turns of the rate", () => {
    const plan: LearningRatePlan = {
      ...common,
      ...{ shape: "restarts", warmupSteps: 4, cycle: { steps: 4, growth: 2 } },
    };
    near(learningRateAt(2, plan), 0.2);
    assert.deepEqual(
      [4, 8].map((step) => learningRateAt(step, plan)),
      [0.4, 0.4],
    );
    near(learningRateAt(6, plan), 0.2);
    near(learningRateAt(12, plan), 0.2);
    assert.deepEqual(new Set(turnsOf(plan)), new Set([4, 8, 16]));
  });
});
