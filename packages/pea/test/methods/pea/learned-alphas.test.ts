/** An α that each site learns, with the schedule's as their mean. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { backward, mul, randn, setNumThreads, sum, tensor } from "@pea/torch";
import fc from "fast-check";
import { applyPea, type EnsembleActivation, PeaMethod } from "../../../src/methods/index.ts";
import { withMean } from "../../../src/methods/pea/learned-alphas.ts";
import { createModel } from "../../../src/models/index.ts";
import type { RecipeInput } from "../../../src/recipe/recipe.ts";
import { train } from "../../../src/train/train.ts";
import { fitContext } from "../../support/fit-context.ts";
import { pairRecipe } from "../../support/pair-network.ts";
import { lossesOf, trainAlone, trainTogether, weightsOf } from "../../support/ranks-of.ts";
import { lastKeys, trainBothWays } from "../../support/run-in-parts.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

test("the projection keeps the mean, and is the nearest point that does", () => {
  assert.deepEqual(withMean([0.5, 0.5], 0.25), [0.25, 0.25]);
  const [low, high] = withMean([0.2, 1.4], 0.75) as [number, number];
  assert.ok(Math.abs(low - 0.5) < 1e-12 && high === 1);
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 1, maxLength: 30 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (values, budget) => {
        const made = withMean(values, budget);
        assert.ok(Math.abs(mean(made) - budget) < 1e-12);
        assert.ok(made.every((alpha) => alpha >= 0 && alpha <= 1));
        // Those that are not cut off moved by one number, those that are by more or less (optimality of the projection).
        const moves = made.map((alpha, i) => alpha - (values[i] as number));
        const inner = moves.filter((_, i) => (made[i] as number) > 0 && (made[i] as number) < 1);
        const by = inner[0];
        if (by === undefined) return;
        for (const move of inner) assert.ok(Math.abs(move - by) < 1e-12);
        made.forEach((alpha, i) => {
          if (alpha === 0) assert.ok((moves[i] as number) >= by - 1e-12);
          if (alpha === 1) assert.ok((moves[i] as number) <= by + 1e-12);
        });
      },
    ),
    { numRuns: 200 },
  );
});

const network = () => createModel("mobilenet-0.25-small", { classes: 10 });

describe("the sites' α", () => {
  for (const ensemble of ["weighted", "stochastic"] as const)
    test(`of the ${ensemble} ensemble have the gradient Σ ∂L/∂y · (ReLU − Act), and change no value`, () => {
      const model = network();
      const handle = applyPea(model, { ensemble, smooth: "mish", siteAlpha: "learned", seed: 3 });
      const plain = network();
      const shared = applyPea(plain, { ensemble, smooth: "mish", seed: 3 });
      handle.alpha = shared.alpha = 0.4;
      handle.step = shared.step = 20;
      const at = model.getModule("features.0.act") as EnsembleActivation;
      const x = randn([2, 8, 5, 5]);
      const weight = randn([2, 8, 5, 5]);
      const y = at.forward(x);
      assert.deepEqual(y.toTypedArray(), plain.getModule("features.0.act").forward(x).toTypedArray());
      backward(sum(mul(y, weight)));
      const [gradient] = handle.learnedAlphas?.gradients ?? [];
      const [values, weights] = [x, weight].map((one) => Array.from(one.toTypedArray(), Number)) as [
        number[],
        number[],
      ];
      const gap = (v: number) => Math.max(v, 0) - v * Math.tanh(Math.log1p(Math.exp(v)));
      const expected = values.reduce((total, v, i) => total + gap(v) * (weights[i] as number), 0);
      assert.ok(Math.abs((gradient?.item() ?? 0) - expected) < 1e-4, `${gradient?.item()}, ${expected}`);
    });

  test("are measured in every tenth step of the transition alone, in which batch norm runs apart", () => {
    const model = network();
    const handle = applyPea(model, { ensemble: "weighted", smooth: "mish", siteAlpha: "learned" });
    const at = model.getModule("features.0.act") as EnsembleActivation;
    const isMeasured = (alpha: number, step: number) => {
      handle.alpha = alpha;
      handle.step = step;
      return handle.probes(0).length === 1 && at.ensembleActOptions === null;
    };
    assert.deepEqual(
      [isMeasured(0, 10), isMeasured(0.5, 10), isMeasured(0.5, 11), isMeasured(1, 10)],
      [false, true, false, false],
    );
  });

  test("fall behind where ReLU raises the loss, by as much as is asked for; their mean is the schedule's", () => {
    const model = network();
    const handle = applyPea(model, { ensemble: "weighted", smooth: "mish", siteAlpha: "learned" });
    const at = (site: number) => (handle.sites[site] as { module: EnsembleActivation }).module;
    handle.alpha = 0.5;
    // Of −1 ReLU is above Mish: more of it raises the sum at site 0 and lowers it at site 1.
    const x = tensor([-1]);
    backward(sum(at(0).forward(x)));
    backward(mul(sum(at(1).forward(x)), -1));
    handle.learnedAlphas?.update(0.05);
    const { offsets = [] } = handle.learnedAlphas ?? {};
    assert.ok(Math.abs(Math.sqrt(mean(offsets.map((one) => one ** 2))) - 0.05) < 1e-12);
    for (const alpha of [0, 1e-3, 0.3, 0.999, 1]) {
      handle.alpha = alpha;
      assert.ok(Math.abs(mean(handle.siteAlphas) - alpha) < 1e-12);
      if (alpha > 0 && alpha < 1)
        assert.ok((handle.siteAlphas[0] as number) < (handle.siteAlphas[1] as number), `${alpha}`);
      else assert.ok(handle.siteAlphas.every((one) => one === alpha));
    }
  });
});

const recipe = {
  ...pairRecipe,
  epochs: 45,
  pea: "SM80%",
  peaInitial: "1st",
  peaSiteAlpha: "learned",
} as RecipeInput;

test("a run goes on bit for bit, its sites part and meet again at 1, and it leaves the plain network", async () => {
  const { whole, given } = await trainBothWays(recipe, [15, 24]);
  const spreads = given.rows.flatMap((row) => (row.kind === "epoch" ? (row.alphaSpread as number) : []));
  assert.ok(Math.max(...spreads) > 0.01, `${spreads}`);
  assert.deepEqual([spreads[0], spreads.at(-1)], [0, 0]);
  const plain = await train({ ...pairRecipe, epochs: 1 }, { runDirectory: join(temporaryFolder(), "plain") });
  assert.deepEqual(lastKeys(whole), lastKeys(plain));
});

test("two ranks learn what one process does that passes batches in halves", async () => {
  const input = { ...recipe, epochs: 24, cropPadding: 2, logEverySteps: 1 } as RecipeInput;
  const [two, one] = [await trainTogether(input), await trainAlone({ ...input, microBatch: 4 })];
  assert.deepEqual(lossesOf(two), lossesOf(one));
  assert.deepEqual(weightsOf(two), weightsOf(one));
});

test("a transition in which no step is measured is refused", () => {
  const fit = (totalSteps: number, initial: string) =>
    new PeaMethod({ variant: "SM50%", initial, siteAlpha: "learned" }).fit(
      fitContext({ totalSteps, stepsPerEpoch: 4 }),
    );
  assert.throws(
    () => fit(20, "1st"),
    usage(
      /learns alpha of each site by every 10th step of the run, of which 0 lies in the transition; train/,
    ),
  );
  // The first step of the transition has α = 0.
  assert.throws(() => fit(24, "10st"), usage(/of which 0 lies in the transition/));
  fit(22, "1st");
});

test("it does not go with lag, nor with another setting's checkpoint", () => {
  assert.throws(
    () => new PeaMethod({ variant: "SM75%", lag: 0.2, siteAlpha: "learned" }),
    usage(/has lag 0\.2 and siteAlpha learned, which both say/),
  );
  const fitted = (siteAlpha: "shared" | "learned") => {
    const method = new PeaMethod({ variant: "SM75%", siteAlpha });
    method.fit(fitContext());
    return method;
  };
  assert.throws(
    () => fitted("shared").load(fitted("learned").state()),
    usage(/siteAlpha \(saved learned, now undefined\)/),
  );
});
