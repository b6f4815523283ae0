/** Act(βx)/β in the place of the smooth activation, β given or learned. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { backward, mul, setNumThreads, sum, tensor } from "@pea/torch";
import { oracleCase, testAgainstPython } from "../../../../torch/test/oracle.ts";
import { meanOf } from "../../../src/common/mean.ts";
import {
  applyPea,
  type EnsembleActivation,
  PeaMethod,
  type PeaMethodOptions,
} from "../../../src/methods/index.ts";
import { LearnedBeta } from "../../../src/methods/pea/learned-beta.ts";
import { createModel } from "../../../src/models/index.ts";
import type { RecipeInput } from "../../../src/recipe/recipe.ts";
import { train } from "../../../src/train/train.ts";
import { fitContext } from "../../support/fit-context.ts";
import { numbers } from "../../support/numbers.ts";
import { pairRecipe } from "../../support/pair-network.ts";
import { lossesOf, trainAlone, trainTogether, weightsOf } from "../../support/ranks-of.ts";
import { lastKeys, trainBothWays } from "../../support/run-in-parts.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);

const swish = { ensemble: "weighted", smooth: "swish", seed: 1 } as const;
const site = "features.0.act";
const network = () => createModel("mobilenet-0.25-small", { classes: 10 });

testAgainstPython(
  [0, 0.4].map((alpha) =>
    oracleCase({
      name: `Swish of β = 2.5 at α = ${alpha}`,
      inputs: { x: [4, 7] },
      python: `${alpha} * torch.relu(x) + ${1 - alpha} * x * torch.sigmoid(2.5 * x)`,
      run: ({ x }) => {
        const model = network();
        applyPea(model, { ...swish, beta: 2.5 }).alpha = alpha;
        return model.getModule(site).forward(x);
      },
    }),
  ),
);

test("sites have a β of their own by patterns, others that of all", () => {
  const model = network();
  const handle = applyPea(model, { ...swish, beta: 2, sites: { "features.0": { beta: 3 } } });
  assert.deepEqual([...new Set(handle.betas)], [3, 2]);
  for (const beta of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(
      () => applyPea(network(), { ...swish, beta }),
      usage(/beta must be a number above 0, or learned, not/),
    );
});

describe("a β that is learned", () => {
  const x = () => tensor([-2, -0.5, 0.5, 2]);
  const learning = () => {
    const model = network();
    const handle = applyPea(model, { ...swish, beta: "learned" });
    return { handle, at: model.getModule(site) as EnsembleActivation };
  };
  /** d/dβ Σ x σ(βx) = Σ x² σ(βx) (1 − σ(βx)) */
  const slope = (beta: number) =>
    numbers(x()).reduce((total, v) => {
      const s = 1 / (1 + Math.exp(-beta * v));
      return total + v * v * s * (1 - s);
    }, 0);

  test("has the gradient of the loss while the smooth activation runs alone", () => {
    const { at, handle } = learning();
    const [beta] = handle.learnedBetas as [LearnedBeta];
    beta.set(1.5, 0);
    backward(sum(at.forward(x())));
    assert.ok(Math.abs((beta.gradient?.item() ?? 0) - slope(1.5)) < 1e-5);
    beta.update(0.1);
    assert.ok(Math.abs(beta.value - (1.5 - 0.1 * slope(1.5))) < 1e-6);
    assert.equal(beta.gradient, null);
  });

  test("moves by SGD of momentum 0.9, at most to its half", () => {
    const beta = new LearnedBeta();
    const passWithoutGradient = () => backward(mul(sum(beta.sharpen((one) => one, tensor([1]))), 0));
    passWithoutGradient();
    beta.set(1, 10);
    beta.update(0.01);
    assert.ok(Math.abs(beta.value - 0.91) < 1e-6, `${beta.value}`);
    passWithoutGradient();
    beta.update(1);
    assert.equal(beta.value, Math.fround(0.91) / 2);
  });

  test("is frozen once ReLU runs beside it: the same as one that is given", () => {
    const { at, handle } = learning();
    const [beta] = handle.learnedBetas as [LearnedBeta];
    beta.set(1.5, 3);
    handle.alpha = 0.3;
    const input = x();
    input.requiresGrad = true;
    backward(sum(at.forward(input)));
    assert.equal(beta.gradient, null);
    beta.update(0.1);
    assert.equal(beta.value, 1.5);
    const given = network();
    applyPea(given, { ...swish, beta: 1.5 }).alpha = 0.3;
    assert.deepEqual(numbers(at.forward(x())), numbers(given.getModule(site).forward(x())));
    assert.equal(at.ensembleActOptions?.beta, 1.5);
  });

  test("needs an initial phase and a learning rate, and another setting's checkpoint is refused", () => {
    const fitted = (options: Omit<PeaMethodOptions, "variant">) => {
      const method = new PeaMethod({ variant: "SS75%", ...options });
      method.fit(fitContext());
      return method;
    };
    assert.throws(
      () => fitted({ beta: "learned", initial: 0 }),
      usage(/learns beta in the initial phase, which has no step/),
    );
    const method = fitted({ beta: "learned" });
    method.beforePass(0);
    assert.throws(() => method.afterStep(0), /call learningRate\(rate, 0\) before the step/);
    assert.throws(
      () => fitted({ beta: 2 }).load(fitted({ beta: 3 }).state()),
      usage(/beta \(saved 3, now 2\)/),
    );
  });

  const recipe = {
    ...pairRecipe,
    epochs: 6,
    pea: "SS67%",
    peaInitial: "3st",
    peaBeta: "learned",
  } as RecipeInput;

  test("goes on bit for bit where a run was stopped, and leaves the plain network", async () => {
    const { whole, given } = await trainBothWays(recipe, [2, 4]);
    const betas = given.rows.flatMap((row) => (row.kind === "epoch" ? (row.beta as number) : []));
    assert.ok(new Set(betas.slice(0, 3)).size === 3, `beta moves in the initial phase: ${betas}`);
    assert.equal(new Set(betas.slice(-3)).size, 1, `and stays later: ${betas}`);
    const plain = await train(
      { ...pairRecipe, epochs: 1 },
      { runDirectory: join(temporaryFolder(), "plain") },
    );
    assert.deepEqual(lastKeys(whole), lastKeys(plain));
    const found = Object.entries(whole.found?.peaSites as Record<string, { beta: number }>);
    assert.deepEqual(
      found.map(([path]) => path),
      ["relu1", "relu2"],
    );
    const learned = found.map(([, { beta }]) => beta);
    assert.equal(meanOf(learned), betas.at(-1), "the result has the beta of each site");
    assert.ok(learned[0] !== learned[1] && !learned.includes(1), `${learned}`);
    const next = createModel("pair-network", { classes: 10 });
    const sites = whole.found?.peaSites as PeaMethodOptions["sites"];
    assert.deepEqual(applyPea(next, { ...swish, sites }).betas, learned, "and a next run takes them");
  });

  test("is the same on two ranks as in one process that passes batches in halves", async () => {
    const input = { ...recipe, cropPadding: 2, logEverySteps: 1 };
    const [two, one] = [await trainTogether(input), await trainAlone({ ...input, microBatch: 4 })];
    assert.deepEqual(lossesOf(two), lossesOf(one));
    assert.deepEqual(weightsOf(two), weightsOf(one));
  });
});
