/** Smooth activations of sites, found by the gradients of a run. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { smoothActivations } from "@pea/core";
import { backward, mul, randn, setNumThreads, sub, sum } from "@pea/torch";
import { createActivation } from "../../../src/activations/index.ts";
import { applyPea, type EnsembleActivation, PeaMethod } from "../../../src/methods/index.ts";
import { SmoothSearch } from "../../../src/methods/pea/smooth-search.ts";
import { createModel } from "../../../src/models/index.ts";
import type { RecipeInput } from "../../../src/recipe/recipe.ts";
import { readResult } from "../../../src/run/result.ts";
import { runDirectory as pathsOf } from "../../../src/run/run-directory.ts";
import { train } from "../../../src/train/train.ts";
import { fitContext } from "../../support/fit-context.ts";
import { pairRecipe } from "../../support/pair-network.ts";
import { trainAlone, trainTogether } from "../../support/ranks-of.ts";
import { trainBothWays } from "../../support/run-in-parts.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);

const network = () => createModel("mobilenet-0.25-small", { classes: 10 });
const options = { ensemble: "stochastic", smooth: "gelu", seed: 1 } as const;

test("the gradient of a candidate is Σ ∂L/∂y · (c(x) − Act(x)), and no value changes", () => {
  const [model, plain] = [network(), network()];
  const handle = applyPea(model, { ...options, search: true });
  handle.alpha = applyPea(plain, options).alpha = 0.25;
  const x = randn([2, 8, 5, 5]);
  const weight = randn([2, 8, 5, 5]);
  const y = model.getModule("features.0.act").forward(x);
  assert.deepEqual(y.toTypedArray(), plain.getModule("features.0.act").forward(x).toTypedArray());
  backward(sum(mul(y, weight)));
  const gelu = createActivation("gelu");
  smoothActivations().forEach(({ name }, candidate) => {
    const towards = sub(createActivation(name).forward(x), gelu.forward(x));
    const expected = sum(mul(towards, weight)).item();
    const measured = handle.search?.probes(0)[candidate]?.gradient?.item() ?? Number.NaN;
    assert.ok(Math.abs(measured - expected) < 1e-4, name);
  });
});

test("a site is found to have what lowers the loss clearly, others stay as they are", () => {
  const model = network();
  const handle = applyPea(model, { ...options, search: true });
  const paths = handle.sites.map(({ path }) => path);
  const at = (site: number) => handle.sites[site]?.module as EnsembleActivation;
  const inputs = () => mul(randn([50]), 3);
  for (let step = 0; step < 60; step += 10) {
    handle.step = step;
    // Of the activations ELU is the least below 0: site 0 gains by a lower sum; site 1 by chance alone.
    backward(sum(at(0).forward(inputs())));
    const sign = step % 20 === 0 ? 1 : -1;
    backward(mul(sum(at(1).forward(inputs())), sign));
    handle.search?.update();
  }
  assert.deepEqual(handle.search?.found, { [paths[0] as string]: { smooth: "elu" } });
});

test("goes on from its state, and from that of the same activations alone", () => {
  const [one, other] = [new SmoothSearch(["a", "b"]), new SmoothSearch(["a", "b"])];
  const state = one.state.replaceAll('"sum":0', '"sum":-3').replace('"count":0', '"count":4');
  other.state = state;
  assert.equal(other.state, state);
  assert.throws(
    () => {
      other.state = state.replace('"mish"', '"mine"');
    },
    usage(/the saved run searched among .*mine.*, now there are .*mish/),
  );
});

const recipe = { ...pairRecipe, epochs: 40, pea: "SG75%", peaSearch: true } as RecipeInput;
const foundBy = ({ runDirectory }: { runDirectory: string }) => readResult(pathsOf(runDirectory))?.found;

test("a run goes on bit for bit where it was stopped, and its result has the sites of a next one", async () => {
  const { whole, parted } = await trainBothWays(recipe, [15, 24]);
  assert.deepEqual(foundBy(parted), foundBy(whole));
  const peaSites = foundBy(whole)?.peaSites as RecipeInput["peaSites"];
  assert.ok(peaSites !== undefined);
  const next = await train(
    { ...pairRecipe, pea: "SG67%", peaSites },
    { runDirectory: join(temporaryFolder(), "next") },
  );
  assert.deepEqual(next.recipe.peaSites, peaSites);
  assert.equal(foundBy(next), undefined);
});

test("a run with one step that is measured is refused, which could find nothing", () => {
  const fit = (totalSteps: number) =>
    new PeaMethod({ variant: "SM50%", initial: 0, search: true }).fit(
      fitContext({ totalSteps, stepsPerEpoch: 4 }),
    );
  assert.throws(
    () => fit(20),
    usage(/searches by every 10th step of the run, of which 1 lies before ReLU runs alone; train longer/),
  );
  fit(22);
});

test("two ranks find what one process finds that passes batches in halves", async () => {
  const input = { ...recipe, epochs: 24 } as RecipeInput;
  const [two, one] = [await trainTogether(input), await trainAlone({ ...input, microBatch: 4 })];
  assert.deepEqual(foundBy(two), foundBy(one));
});
