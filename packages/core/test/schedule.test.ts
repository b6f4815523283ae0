import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  alphaAt,
  type PhasePlan,
  phaseAt,
  planOfSite,
  type ScheduleOptions,
  type ScheduleShape,
} from "@pea/core";
import fc from "fast-check";
import { assertAbsolute } from "./assert-close.ts";
import { assertUsageError } from "./usage-error.ts";

const shapes: ScheduleShape[] = ["linear", "cosine", "step", "exponential"];

/** α over all steps of a run. */
function course(plan: PhasePlan, options?: ScheduleOptions): number[] {
  return Array.from({ length: plan.totalSteps }, (_, step) => alphaAt(step, plan, options));
}

/** A run of the paper in epochs. */
function paperPlan(
  stepsPerEpoch: number,
  epochs: { initial: number; end: number; total: number },
): PhasePlan {
  return {
    initialSteps: epochs.initial * stepsPerEpoch,
    transitionSteps: (epochs.end - epochs.initial) * stepsPerEpoch,
    totalSteps: epochs.total * stepsPerEpoch,
  };
}

describe("the paper's settings (spec recipes 2.2)", () => {
  const setting115 = paperPlan(5004, { initial: 5, end: 115, total: 120 });
  const setting90 = paperPlan(5004, { initial: 5, end: 90, total: 120 });
  const cityscapes450 = paperPlan(119, { initial: 5, end: 450, total: 500 });
  const cityscapes350 = paperPlan(119, { initial: 5, end: 350, total: 500 });

  test("phases in steps", () => {
    const cases: [PhasePlan, transition: [first: number, last: number], alphaPerStep: number][] = [
      [setting115, [25_020, 575_459], 1.8167284e-6],
      [setting90, [25_020, 450_359], 2.3510603e-6],
      [cityscapes450, [595, 53_549], 1.8883958e-5],
      [cityscapes350, [595, 41_649], 2.4357569e-5],
    ];
    for (const [plan, [first, last], alphaPerStep] of cases) {
      assert.deepEqual(
        [first - 1, first, last, last + 1].map((step) => phaseAt(step, plan)),
        ["initial", "transition", "transition", "final"],
      );
      assertAbsolute(alphaAt(first + 1, plan), alphaPerStep, 5e-13);
      assert.equal(alphaAt(last + 1, plan), 1);
      assert.notEqual(alphaAt(last, plan), 1);
    }
  });

  test("α at the joints of setting 115", () => {
    const alpha = (step: number) => alphaAt(step, setting115);
    assert.equal(alpha(0), 0);
    assert.equal(alpha(25_019), 0);
    assert.equal(alpha(25_020), 0);
    assert.equal(alpha(25_021), 1 / 550_440);
    assertAbsolute(alpha(575_459), 0.99999818327, 1e-11);
    assert.equal(alpha(575_460), 1);
    assert.equal(alpha(600_479), 1);
  });

  test("α after 30, 60, 80 and 100 epochs", () => {
    const alphas = (plan: PhasePlan) =>
      [30, 60, 80, 100].map((epochs) => alphaAt(epochs * 5004, plan).toFixed(10));
    assert.deepEqual(alphas(setting115), ["0.2272727273", "0.5000000000", "0.6818181818", "0.8636363636"]);
    assert.deepEqual(alphas(setting90), ["0.2941176471", "0.6470588235", "0.8823529412", "1.0000000000"]);
  });
});

describe("a transition of 4 steps between 2 initial and 2 final ones", () => {
  const plan = { initialSteps: 2, transitionSteps: 4, totalSteps: 8 };

  test("zero-based: α = 1 begins with the final phase", () => {
    assert.deepEqual(course(plan), [0, 0, 0, 0.25, 0.5, 0.75, 1, 1]);
  });

  test("one-based: the t-th step has α = t/T, so the last transition step has 1", () => {
    assert.deepEqual(course(plan, { indexing: "one-based" }), [0, 0, 0.25, 0.5, 0.75, 1, 1, 1]);
  });

  test("cosine: (1 − cos πp)/2", () => {
    assert.deepEqual(
      course(plan, { shape: "cosine" }).map((alpha) => alpha.toFixed(9)),
      ["0", "0", "0", "0.146446609", "0.5", "0.853553391", "1", "1"].map((text) => Number(text).toFixed(9)),
    );
  });

  test("step: equal stairs, ten of them unless said otherwise", () => {
    assert.deepEqual(course(plan, { shape: "step", stairs: 2 }), [0, 0, 0, 0, 0.5, 0.5, 1, 1]);
    assert.deepEqual(course(plan, { shape: "step", stairs: 1 }), [0, 0, 0, 0, 0, 0, 1, 1]);
    assert.deepEqual(course(plan, { shape: "step" }), [0, 0, 0, 0.2, 0.5, 0.7, 1, 1]);
  });

  test("exponential: what is left of the smooth activation decays by e^(−5p), set to end at 0", () => {
    const left = (progress: number) => (Math.exp(-5 * progress) - Math.exp(-5)) / (1 - Math.exp(-5));
    const alphas = course(plan, { shape: "exponential" });
    for (const [index, progress] of [0, 0.25, 0.5, 0.75].entries()) {
      assertAbsolute(1 - alphas[2 + index], left(progress), 1e-15);
    }
  });

  test("after the run α stays 1", () => {
    assert.equal(alphaAt(8, plan), 1);
    assert.equal(phaseAt(1000, plan), "final");
  });
});

describe("granularity epoch: α moves once an epoch", () => {
  test("at the start of each epoch", () => {
    const plan = { initialSteps: 2, transitionSteps: 4, totalSteps: 8 };
    const options = { granularity: "epoch", stepsPerEpoch: 2 } as const;
    assert.deepEqual(course(plan, options), [0, 0, 0, 0, 0.5, 0.5, 1, 1]);
    assert.deepEqual(course(plan, { ...options, indexing: "one-based" }), [0, 0, 0.5, 0.5, 1, 1, 1, 1]);
  });

  test("phases that end within an epoch still have their α", () => {
    const plan = { initialSteps: 2, transitionSteps: 5, totalSteps: 9 };
    const options = { granularity: "epoch", stepsPerEpoch: 3 } as const;
    assert.deepEqual(course(plan, options), [0, 0, 0, 0.2, 0.2, 0.2, 0.8, 1, 1]);
    assert.deepEqual(
      course(plan, { ...options, indexing: "one-based" }),
      [0, 0, 0.2, 0.8, 0.8, 0.8, 1, 1, 1],
    );
  });

  test("the 110 stairs of setting 115 rise by 1/110", () => {
    const plan = paperPlan(10, { initial: 5, end: 115, total: 120 });
    const alphas = course(plan, { granularity: "epoch", stepsPerEpoch: 10 });
    assert.deepEqual(
      [...new Set(alphas)],
      Array.from({ length: 111 }, (_, stair) => (stair * 10) / 1100),
    );
  });
});

describe("phases of no steps", () => {
  test("without a transition α jumps", () => {
    for (const shape of shapes) {
      assert.deepEqual(
        course({ initialSteps: 2, transitionSteps: 0, totalSteps: 4 }, { shape }),
        [0, 0, 1, 1],
      );
    }
  });

  test("without an initial phase the transition begins at once", () => {
    const plan = { initialSteps: 0, transitionSteps: 2, totalSteps: 3 };
    assert.deepEqual(course(plan), [0, 0.5, 1]);
    assert.equal(phaseAt(0, plan), "transition");
  });
});

describe("for every shape, indexing and granularity", () => {
  const plans = fc
    .record({
      initialSteps: fc.nat(40),
      transitionSteps: fc.nat(200),
      finalSteps: fc.integer({ min: 1, max: 40 }),
    })
    .map(({ initialSteps, transitionSteps, finalSteps }) => ({
      initialSteps,
      transitionSteps,
      totalSteps: initialSteps + transitionSteps + finalSteps,
    }));
  const options = fc.record({
    shape: fc.constantFrom(...shapes),
    stairs: fc.integer({ min: 1, max: 50 }),
    indexing: fc.constantFrom("zero-based" as const, "one-based" as const),
    granularity: fc.constantFrom("step" as const, "epoch" as const),
    stepsPerEpoch: fc.integer({ min: 1, max: 50 }),
  });

  test("α never falls, is 0 in the whole initial and 1 in the whole final phase", () => {
    fc.assert(
      fc.property(plans, options, (plan, options) => {
        const alphas = course(plan, options);
        for (const [step, alpha] of alphas.entries()) {
          assert.ok(step === 0 || alpha >= alphas[step - 1], `falls at ${step}`);
          const phase = phaseAt(step, plan);
          if (phase === "initial") assert.equal(alpha, 0);
          if (phase === "final") assert.equal(alpha, 1);
        }
      }),
    );
  });

  test("zero-based α is 0 at the first transition step and below 1 at all of them; one-based it ends at 1", () => {
    fc.assert(
      fc.property(plans, options, (plan, options) => {
        const { initialSteps, transitionSteps } = plan;
        fc.pre(transitionSteps > 0);
        const last = initialSteps + transitionSteps - 1;
        assert.equal(alphaAt(initialSteps, plan, { ...options, indexing: "zero-based" }), 0);
        assert.ok(alphaAt(last, plan, { ...options, indexing: "zero-based" }) < 1, "1 too early");
        assert.equal(alphaAt(last, plan, { ...options, indexing: "one-based" }), 1);
      }),
    );
  });

  test("α never falls over neighbouring steps of a transition as long as the paper's", () => {
    const transitionSteps = 550_440;
    const plan = { initialSteps: 0, transitionSteps, totalSteps: transitionSteps + 1 };
    fc.assert(
      fc.property(
        fc.nat(transitionSteps - 1),
        fc.constantFrom(...shapes),
        (step, shape) => alphaAt(step, plan, { shape }) <= alphaAt(step + 1, plan, { shape }),
      ),
      { numRuns: 2000 },
    );
  });
});

describe("errors", () => {
  const plan = { initialSteps: 2, transitionSteps: 4, totalSteps: 8 };

  test("a step or length that is no whole number of at least 0", () => {
    for (const step of [-1, 0.5, Number.NaN, Infinity]) {
      assertUsageError(
        () => alphaAt(step, plan),
        new RegExp(`step must be a whole number of at least 0, not ${step}`),
      );
    }
    assertUsageError(() => phaseAt(0, { ...plan, initialSteps: -2 }), /initialSteps must be .* not -2/);
    assertUsageError(
      () => alphaAt(0, { ...plan, transitionSteps: 1.5 }),
      /transitionSteps must be .* not 1.5/,
    );
  });

  test("phases longer than the run", () => {
    assertUsageError(() => alphaAt(0, { ...plan, totalSteps: 5 }), /take 2 \+ 4 steps, but the run has 5/);
  });

  test("options that do not exist", () => {
    assertUsageError(
      () => alphaAt(3, plan, { shape: "cubic" as ScheduleShape }),
      /shape must be one of linear, cosine, step, exponential, not cubic/,
    );
    assertUsageError(
      () => alphaAt(3, plan, { indexing: "two-based" as never }),
      /indexing must be one of .* two-based/,
    );
    assertUsageError(
      () => alphaAt(3, plan, { granularity: "day" as never }),
      /granularity must be one of .* day/,
    );
    assertUsageError(
      () => alphaAt(3, plan, { shape: "step", stairs: 0 }),
      /stairs must be .* at least 1, not 0/,
    );
    assertUsageError(
      () => alphaAt(3, plan, { granularity: "epoch" }),
      /stepsPerEpoch \(needed for granularity epoch\) must be .* at least 1, not undefined/,
    );
  });
});

describe("the plan of a site that lags", () => {
  const plan: PhasePlan = { initialSteps: 10, transitionSteps: 100, totalSteps: 130 };
  const spans = (lag: number, sites: number) =>
    Array.from({ length: sites }, (_, site) => {
      const { initialSteps, transitionSteps, totalSteps } = planOfSite(plan, lag, site, sites);
      assert.equal(totalSteps, 130);
      return [initialSteps, initialSteps + transitionSteps];
    });

  test("is the run's without a lag, and for a site that stands alone", () => {
    assert.deepEqual(spans(0, 2), [
      [10, 110],
      [10, 110],
    ]);
    assert.deepEqual(spans(0.3, 1), [[10, 110]]);
  });

  test("begins with the run's transition at the first site and ends with it at the last", () => {
    assert.deepEqual(spans(0.3, 3), [
      [10, 80],
      [25, 95],
      [40, 110],
    ]);
  });

  test("has at least one step of transition whatever the lag", () => {
    assert.deepEqual(spans(0.999, 2), [
      [10, 11],
      [109, 110],
    ]);
  });

  test("of a lag that cannot be is refused", () => {
    for (const lag of [-0.1, 1, Number.NaN])
      assertUsageError(() => planOfSite(plan, lag, 0, 2), /lag must be a number from 0 up to but not 1, not/);
  });
});
