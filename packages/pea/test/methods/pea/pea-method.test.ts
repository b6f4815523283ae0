import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ReLU, setNumThreads } from "@pea/torch";
import {
  type EnsembleActivation,
  type FitContext,
  PeaMethod,
  type PeaMethodOptions,
} from "../../../src/methods/index.ts";
import { fitContext } from "../../support/fit-context.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);

function fit(options: PeaMethodOptions, run: Partial<FitContext> = {}): PeaMethod {
  const method = new PeaMethod(options);
  method.fit(fitContext(run));
  return method;
}

/** [initial, transition, final] as half-open spans of steps. */
const spans = (method: PeaMethod) =>
  method.phases.map(({ name, firstStep, endStep }) => [name, firstStep, endStep]);

const alphaAfter = (method: PeaMethod, step: number) => {
  method.beforePass(step);
  return method.scalars().alpha;
};

describe("phases", () => {
  test("of the paper's 90 and 115 settings on ImageNet, in steps", () => {
    const imageNet = { stepsPerEpoch: 5004, totalSteps: 600_480 };
    assert.deepEqual(spans(fit({ variant: "WG90" }, imageNet)), [
      ["initial", 0, 25_020],
      ["transition", 25_020, 450_360],
      ["final", 450_360, 600_480],
    ]);
    assert.deepEqual(spans(fit({ variant: "SM115" }, imageNet)), [
      ["initial", 0, 25_020],
      ["transition", 25_020, 575_460],
      ["final", 575_460, 600_480],
    ]);
  });

  test("of a share: the initial phase is 5 of 120 epochs", () => {
    assert.deepEqual(spans(fit({ variant: "SM75%" })), [
      ["initial", 0, 5],
      ["transition", 5, 90],
      ["final", 90, 120],
    ]);
  });

  test("with an initial phase of one's own, or none", () => {
    assert.deepEqual(spans(fit({ variant: "SM75%", initial: "12st" }))[0], ["initial", 0, 12]);
    assert.deepEqual(spans(fit({ variant: "SM75%", initial: 0 })), [
      ["transition", 0, 90],
      ["final", 90, 120],
    ]);
  });

  test("a transition without a step is refused: it would train plain ReLU, or switch at once", () => {
    assert.throws(
      () => fit({ variant: "SM1%" }, { totalSteps: 3, stepsPerEpoch: 1 }),
      usage(
        /SM1% ends its transition at step 0 of 3, .* leaves no step for the transition; take a later end/,
      ),
    );
    assert.throws(() => fit({ variant: "SM1%", initial: 0 }, { totalSteps: 3 }), usage(/no step/));
    assert.throws(
      () => fit({ variant: "SM3" }),
      usage(/at step 30 of 120, and the initial phase of 5ep takes 50/),
    );
    assert.throws(() => fit({ variant: "SM3", initial: "3ep" }), usage(/shorten the initial phase/));
    assert.deepEqual(spans(fit({ variant: "SM3", initial: "29st" }))[1], ["transition", 29, 30]);
  });

  test("a transition that leaves no final phase is refused", () => {
    assert.throws(() => fit({ variant: "SM12" }), usage(/SM12 ends its transition at step 120 of 120/));
    assert.throws(
      () => fit({ variant: "WG115" }),
      usage(/leaves no final phase; take an earlier end \(a share/),
    );
    assert.throws(() => fit({ variant: "WG100%" }), usage(/leaves no final phase/));
  });

  test("a code or duration that cannot be read is refused at once", () => {
    assert.throws(() => new PeaMethod({ variant: "XM75%" }), usage(/XM75%/));
    assert.throws(() => new PeaMethod({ variant: "SM75%", initial: "soon" }), usage(/soon/));
  });
});

describe("steps", () => {
  test("α is 0, then rises from 0, and is 1 exactly from the final phase on", () => {
    const method = fit({ variant: "WM75%" });
    assert.deepEqual(
      [0, 4, 5, 6, 89, 90, 119].map((step) => alphaAfter(method, step)),
      [0, 0, 0, 1 / 85, 84 / 85, 1, 1],
    );
  });

  test("shape, indexing and granularity reach the schedule", () => {
    const alpha = (options: Partial<PeaMethodOptions>, step: number) =>
      alphaAfter(fit({ variant: "WM75%", initial: 0, ...options }), step);
    assert.equal(alpha({ shape: "cosine" }, 45), (1 - Math.cos(Math.PI / 2)) / 2);
    assert.equal(alpha({ indexing: "one-based" }, 0), 1 / 90);
    assert.equal(alpha({ granularity: "epoch" }, 19), 10 / 90);
  });

  test("the learning rate follows α from the smooth activation's peak to ReLU's, whatever the schedule has", () => {
    const method = new PeaMethod({ variant: "WM75%", initial: "10st", lrSmooth: 0.8 });
    method.fit(fitContext({ peakLearningRate: 0.2 }));
    // Where the schedule has a half of the peak: 0.4 at α = 0, 0.25 at α = ½, 0.1 at α = 1.
    const rates = [0, 10, 50, 90, 119].map((step) => method.learningRate(0.1, step));
    for (const [i, expected] of [0.4, 0.4, 0.25, 0.1, 0.1].entries())
      assert.ok(Math.abs((rates[i] as number) - expected) < 1e-12, `${rates}`);
    assert.equal(fit({ variant: "WM75%" }).learningRate(0.1, 50), 0.1);
  });

  test("deeper sites lag: the first begins with the transition, the last ends with it, and α is their mean", () => {
    const run = fitContext();
    // 80 steps of transition, of which the last of 27 sites lets 40 pass.
    const method = new PeaMethod({ variant: "WM75%", initial: "10st", lag: 0.5 });
    method.fit(run);
    const at = (path: string) => {
      const { control, site } = run.model.getModule(path) as EnsembleActivation;
      return control.effectiveAlpha(site);
    };
    const [first, middle, last] = ["features.0.act", "features.7.dw.act", "features.13.pw.act"] as const;
    for (const [step, alphas] of [
      [10, [0, 0, 0]],
      [30, [0.5, 0, 0]],
      [50, [1, 0.5, 0]],
      [70, [1, 1, 0.5]],
      [89, [1, 1, 39 / 40]],
      [90, [1, 1, 1]],
    ] as const) {
      method.beforePass(step);
      assert.deepEqual([first, middle, last].map(at), alphas);
    }
    method.beforePass(50);
    assert.ok(Math.abs((method.scalars().alpha as number) - 0.5) < 0.02);
    assert.equal(method.view, "deployed");
    method.show(true);
    assert.equal(at(last), 1);
    method.beforePass(90);
    assert.deepEqual(method.scalars(), { alpha: 1 });
    method.deploy();
    assert.ok(run.model.getModule(last) instanceof ReLU);
  });

  test("key the masks of the model", () => {
    const run = fitContext();
    const method = new PeaMethod({ variant: "SM75%" });
    method.fit(run);
    method.beforePass(42, 3);
    const { control, ensembleActOptions } = run.model.getModule("features.0.act") as EnsembleActivation;
    assert.deepEqual([control.seed, control.step, control.part], [7, 42, 3]);
    assert.deepEqual([ensembleActOptions?.ensemble, ensembleActOptions?.smooth], ["stochastic", "mish"]);
    method.beforePass(43);
    assert.deepEqual([control.step, control.part], [43, 0]);
  });
});

describe("evaluation", () => {
  test("is under both views until α is 1", () => {
    const method = fit({ variant: "SM75%" });
    method.beforePass(89);
    assert.equal(method.view, "deployed");
    method.beforePass(90);
    assert.equal(method.view, null);
  });

  test("does not change α, and the next step trains again", () => {
    const run = fitContext();
    const method = new PeaMethod({ variant: "SM75%" });
    method.fit(run);
    const { control } = run.model.getModule("features.0.act") as EnsembleActivation;
    method.beforePass(40);
    const alpha = control.effectiveAlpha(0);
    method.show(true);
    assert.equal(control.effectiveAlpha(0), 1);
    assert.equal(method.scalars().alpha, alpha);
    method.show(false);
    assert.equal(control.effectiveAlpha(0), alpha);
    method.show(true);
    method.beforePass(41);
    assert.equal(control.effectiveAlpha(0), method.scalars().alpha);
  });

  test("makes a candidate for the best model only where every step of the epoch ran with ReLU alone", () => {
    const method = fit({ variant: "SM70%" });
    const isCandidate = (epoch: number) =>
      method.isCandidate({ firstStep: 10 * (epoch - 1), endStep: 10 * epoch });
    assert.deepEqual([1, 8, 9, 10, 12].map(isCandidate), [false, false, false, true, true]);
  });
});

describe("the end", () => {
  test("is a plain ReLU network", () => {
    const run = fitContext();
    const method = new PeaMethod({ variant: "SM75%" });
    method.fit(run);
    method.beforePass(119);
    method.deploy();
    assert.ok(run.model.getModule("features.13.pw.act") instanceof ReLU);
  });

  test("is refused before the final phase", () => {
    const method = fit({ variant: "SM75%" });
    method.beforePass(89);
    assert.throws(() => method.deploy(), /alpha is 0.98\d+ at features.0.act, not 1/);
  });
});

describe("state", () => {
  test("survives JSON and goes on where it stopped", () => {
    const before = fit({ variant: "SM75%" });
    before.beforePass(41);
    const saved = JSON.parse(JSON.stringify(before.state()));
    const run = fitContext();
    const after = new PeaMethod({ variant: "SM75%" });
    after.fit(run);
    after.load(saved);
    assert.deepEqual(after.state(), before.state());
    assert.deepEqual(after.scalars(), before.scalars());
    assert.equal((run.model.getModule("features.0.act") as EnsembleActivation).control.step, 41);
  });

  test("saved before the first step is that of a fresh run", () => {
    const method = fit({ variant: "SM75%" });
    method.load(fit({ variant: "SM75%" }).state());
    assert.equal(method.state().steps, 0);
  });

  test("of another plan is refused, naming what differs", () => {
    const { ...saved } = fit({ variant: "SM75%" }).state();
    const refused = (method: PeaMethod, message: RegExp) =>
      assert.throws(() => method.load(saved), usage(message));
    refused(fit({ variant: "SG75%" }), /smooth \(saved mish, now gelu\)/);
    refused(fit({ variant: "WM75%" }), /ensemble \(saved stochastic, now weighted\)/);
    refused(fit({ variant: "SM70%" }), /transitionSteps \(saved 85, now 79\)/);
    refused(fit({ variant: "SM75%" }, { totalSteps: 200 }), /totalSteps \(saved 120, now 200\)/);
    refused(fit({ variant: "SM75%" }, { seed: 8 }), /seed \(saved 7, now 8\)/);
    refused(fit({ variant: "SM75%", lag: 0.5 }), /lag \(saved undefined, now 0\.5\)/);
    refused(fit({ variant: "SM75%", shape: "cosine" }), /shape \(saved linear, now cosine\)/);
  });
});

test("hooks before fit are an error", () => {
  assert.throws(() => new PeaMethod({ variant: "SM75%" }).beforePass(0), /call fit before/);
});
