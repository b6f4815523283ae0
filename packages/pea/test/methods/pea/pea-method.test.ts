import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Mish, ReLU, setNumThreads } from "@pea/torch";
import {
  createMethod,
  type EnsembleActivation,
  type FitContext,
  type MethodSettings,
  PeaMethod,
  type PeaMethodOptions,
  PlainMethod,
} from "../../../src/methods/index.ts";
import { createModel } from "../../../src/models/index.ts";
import { fitContext } from "../../support/fit-context.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);

function fit(options: PeaMethodOptions, run: Partial<FitContext> = {}): PeaMethod {
  const method = new PeaMethod(options);
  method.onFit(fitContext(run));
  return method;
}

/** [initial, transition, final] as half-open spans of steps. */
const spans = (method: PeaMethod) =>
  method.phases.map(({ name, firstStep, endStep }) => [name, firstStep, endStep]);

const alphaAfter = (method: PeaMethod, step: number) => {
  method.onStep(step);
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
    assert.throws(() => fit({ variant: "WG115" }), usage(/leaves no final phase/));
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

  test("the phase is that of the last step", () => {
    const method = fit({ variant: "WM75%" });
    assert.equal(method.phase, "initial");
    for (const [step, phase] of [
      [4, "initial"],
      [5, "transition"],
      [90, "final"],
    ] as const) {
      method.onStep(step);
      assert.equal(method.phase, phase);
    }
  });

  test("shape, indexing and granularity reach the schedule", () => {
    const alpha = (options: Partial<PeaMethodOptions>, step: number) =>
      alphaAfter(fit({ variant: "WM75%", initial: 0, ...options }), step);
    assert.equal(alpha({ shape: "cosine" }, 45), (1 - Math.cos(Math.PI / 2)) / 2);
    assert.equal(alpha({ indexing: "one-based" }, 0), 1 / 90);
    assert.equal(alpha({ granularity: "epoch" }, 19), 10 / 90);
  });

  test("deeper sites lag: the first begins with the transition, the last ends with it, and α is their mean", () => {
    const run = fitContext();
    // 80 steps of transition, of which the last of 27 sites lets 40 pass.
    const method = new PeaMethod({ variant: "WM75%", initial: "10st", lag: 0.5 });
    method.onFit(run);
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
      method.onStep(step);
      assert.deepEqual([first, middle, last].map(at), alphas);
    }
    method.onStep(50);
    assert.ok(Math.abs((method.scalars().alpha as number) - 0.5) < 0.02);
    assert.deepEqual(method.views, ["current", "deployed"]);
    method.onEval("deployed");
    assert.equal(at(last), 1);
    method.onStep(90);
    assert.deepEqual(method.scalars(), { alpha: 1 });
    method.onEnd();
    assert.ok(run.model.getModule(last) instanceof ReLU);
  });

  test("key the masks of the model", () => {
    const run = fitContext();
    const method = new PeaMethod({ variant: "SM75%" });
    method.onFit(run);
    method.onStep(42, 3);
    const { control } = run.model.getModule("features.0.act") as EnsembleActivation;
    assert.deepEqual(
      [control.seed, control.step, control.part, control.ensemble, control.smooth],
      [7, 42, 3, "stochastic", "mish"],
    );
    method.onStep(43);
    assert.deepEqual([control.step, control.part], [43, 0]);
  });
});

describe("evaluation", () => {
  test("is under both views until α is 1", () => {
    const method = fit({ variant: "SM75%" });
    method.onStep(89);
    assert.deepEqual(method.views, ["current", "deployed"]);
    method.onStep(90);
    assert.deepEqual(method.views, ["current"]);
  });

  test("does not change α, and the next step trains again", () => {
    const run = fitContext();
    const method = new PeaMethod({ variant: "SM75%" });
    method.onFit(run);
    const { control } = run.model.getModule("features.0.act") as EnsembleActivation;
    method.onStep(40);
    const alpha = control.effectiveAlpha(0);
    method.onEval("deployed");
    assert.equal(control.effectiveAlpha(0), 1);
    assert.equal(method.scalars().alpha, alpha);
    method.onEval("current");
    assert.equal(control.effectiveAlpha(0), alpha);
    method.onEval("deployed");
    method.onStep(41);
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
    method.onFit(run);
    method.onStep(119);
    method.onEnd();
    assert.ok(run.model.getModule("features.13.pw.act") instanceof ReLU);
  });

  test("is refused before the final phase", () => {
    const method = fit({ variant: "SM75%" });
    method.onStep(89);
    assert.throws(() => method.onEnd(), /alpha is 0.98\d+ at features.0.act, not 1/);
  });
});

describe("state", () => {
  test("survives JSON and goes on where it stopped", () => {
    const before = fit({ variant: "SM75%" });
    before.onStep(41);
    const saved = JSON.parse(JSON.stringify(before.state()));
    const run = fitContext();
    const after = new PeaMethod({ variant: "SM75%" });
    after.onFit(run);
    after.load(saved);
    assert.deepEqual(after.state(), before.state());
    assert.deepEqual(after.scalars(), before.scalars());
    assert.equal(after.phase, "transition");
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

  test("of another method is refused", () => {
    const baseline = new PlainMethod("relu");
    baseline.onFit(fitContext());
    assert.throws(
      () => fit({ variant: "SM75%" }).load(baseline.state()),
      usage(/method \(saved baseline, now pea\)/),
    );
    assert.throws(
      () => baseline.load(fit({ variant: "SM75%" }).state()),
      usage(/method \(saved pea, now baseline\)/),
    );
  });
});

test("hooks before onFit are an error", () => {
  assert.throws(() => new PeaMethod({ variant: "SM75%" }).onStep(0), /call onFit before/);
  assert.throws(() => new PlainMethod("relu").phases, /call onFit before/);
});

describe("one activation all along", () => {
  test("the baseline leaves the ReLU network as it is", () => {
    const run = fitContext();
    const method = new PlainMethod("relu");
    method.onFit(run);
    assert.equal(method.name, "baseline");
    assert.ok(run.model.getModule("features.0.act") instanceof ReLU);
  });

  test("the upper limit runs the smooth activation to the end", () => {
    const run = fitContext();
    const method = new PlainMethod("mish");
    method.onFit(run);
    method.onEnd();
    assert.equal(method.name, "upper-limit");
    assert.ok(run.model.getModule("features.0.act") instanceof Mish);
  });

  test("is one phase, of which every epoch is a candidate", () => {
    const method = new PlainMethod("relu");
    method.onFit(fitContext());
    assert.deepEqual(method.phases, [{ name: "training", firstStep: 0, endStep: 120 }]);
    assert.deepEqual(method.views, ["current"]);
    assert.ok(method.isCandidate());
  });
});

test("a run that would change nothing is refused: its name would be that of another", () => {
  const model = createModel("mobilenet-0.25-small", { activation: "relu6" });
  const runs: [MethodSettings, string][] = [
    [{ pea: "SM75%", activation: "relu" }, "pea SM75%"],
    [{ pea: "none", activation: "mish" }, "activation mish"],
    [{ pea: "none", activation: "mish", swapToRelu: "75%" }, "activation mish"],
  ];
  for (const [settings, name] of runs)
    assert.throws(
      () => createMethod(settings).onFit(fitContext({ model })),
      usage(new RegExp(`^${name} changes nothing in MobileNet, which has no ReLU module: .*not ReLU6`)),
    );
  createMethod({ pea: "none", activation: "relu" }).onFit(fitContext({ model }));
});

describe("createMethod", () => {
  test("picks the method of a recipe", () => {
    assert.equal(createMethod({ pea: "SM75%", activation: "relu" }).name, "pea");
    assert.equal(createMethod({ pea: "none", activation: "relu" }).name, "baseline");
    assert.equal(createMethod({ pea: "none", activation: "mish" }).name, "upper-limit");
  });

  test("hands PEA's settings on", () => {
    const method = createMethod({
      pea: "WM75%",
      activation: "relu",
      peaInitial: "0st",
      peaSchedule: "cosine",
    });
    method.onFit(fitContext());
    method.onStep(45);
    assert.deepEqual(method.scalars(), { alpha: (1 - Math.cos(Math.PI / 2)) / 2 });
  });

  test("hands on how α moves", () => {
    const alphaAt = (step: number, settings: Partial<MethodSettings>) => {
      const method = createMethod({ pea: "WM75%", activation: "relu", peaInitial: "0st", ...settings });
      method.onFit(fitContext());
      method.onStep(step);
      return method.scalars().alpha;
    };
    assert.equal(alphaAt(19, { peaGranularity: "epoch" }), 10 / 90);
    assert.equal(alphaAt(19, { peaIndexing: "one-based" }), 20 / 90);
    assert.notEqual(alphaAt(19, { peaLag: 0.5 }), 19 / 90);
    assert.equal(alphaAt(19, { peaGranularity: "epoch", peaIndexing: "one-based" }), 20 / 90);
  });

  test("refuses PEA together with a smooth activation", () => {
    assert.throws(
      () => createMethod({ pea: "SM75%", activation: "mish" }),
      usage(/activation mish does not go with/),
    );
  });
});
