/** Ensembles and smooth activations of single sites. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setNumThreads, tensor } from "@pea/torch";
import { createActivation } from "../../../src/activations/index.ts";
import {
  applyPea,
  type EnsembleActivation,
  PeaMethod,
  type SitePatterns,
} from "../../../src/methods/index.ts";
import { siteChoices } from "../../../src/methods/pea/site-choices.ts";
import { createModel } from "../../../src/models/index.ts";
import { type RecipeInput, resolveRecipe } from "../../../src/recipe/recipe.ts";
import { recipeFlags } from "../../../src/recipe/recipe-flags.ts";
import { fitContext } from "../../support/fit-context.ts";
import { numbers } from "../../support/numbers.ts";
import "../../support/pair-network.ts";
import { trainBothWays } from "../../support/run-in-parts.ts";
import { smallRecipe } from "../../support/small-recipe.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);

const common = { ensemble: "stochastic", smooth: "gelu", beta: 1 } as const;

test("a pattern is a site's path or that of a module around it, of several the most exact counts", () => {
  const paths = ["act", "blocks.1.dw.act", "blocks.1.pw.act", "blocks.10.dw.act", "blocks10.dw"];
  const smoothOf = (patterns: SitePatterns) =>
    siteChoices(paths, patterns, common).map(({ smooth }) => smooth);
  const only = (...places: number[]) => paths.map((_, i) => (places.includes(i) ? "mish" : "gelu"));
  for (const [pattern, places] of [
    ["act", [0]],
    ["blocks", [1, 2, 3]],
    ["blocks.1", [1, 2]],
    ["blocks.*.dw", [1, 3]],
    ["blocks.1*", [1, 2, 3]],
    ["b*.dw", [4]],
    ["*", [0, 1, 2, 3, 4]],
  ] as const)
    assert.deepEqual(smoothOf({ [pattern]: { smooth: "mish" } }), only(...places), pattern);
  const [, first, second] = siteChoices(
    paths,
    { blocks: { smooth: "elu", ensemble: "weighted" }, "blocks.*.dw": { smooth: "mish" } },
    common,
  );
  assert.deepEqual(first, { ensemble: "weighted", smooth: "mish", beta: 1 });
  assert.deepEqual(second, { ensemble: "weighted", smooth: "elu", beta: 1 });
});

test("in which order patterns stand is nothing; two that are as exact and differ are refused", () => {
  const patterns = { "*": { smooth: "elu" }, "0": { smooth: "mish" } } as const;
  // JavaScript puts 0 first, wherever it was written.
  const smooths = siteChoices(["0", "1"], patterns, common).map(({ smooth }) => smooth);
  assert.deepEqual(smooths, ["mish", "elu"]);
  const even = { "a.*": { smooth: "elu" }, "*.b": { smooth: "mish" } } as const;
  assert.throws(
    () => siteChoices(["a.b"], even, common),
    usage(/sites has "a\.\*" and "\*\.b" for a\.b, which differ and of which none is more exact; name one/),
  );
  const apart = { "a.*": { smooth: "elu" }, "*.b": { ensemble: "weighted" } } as const;
  assert.deepEqual(siteChoices(["a.b"], apart, common), [{ ensemble: "weighted", smooth: "elu", beta: 1 }]);
});

test("each site runs what is chosen for it", () => {
  const model = createModel("mobilenet-0.25-small", { classes: 10 });
  const handle = applyPea(model, {
    ...common,
    sites: { "features.*.dw": { smooth: "elu" }, "features.0": { ensemble: "weighted" } },
  });
  const at = (path: string) => model.getModule(path) as EnsembleActivation;
  const x = tensor([-2, -0.5, 0.5, 2]);
  for (const [path, name] of [
    ["features.1.dw.act", "elu"],
    ["features.1.pw.act", "gelu"],
  ] as const)
    assert.deepEqual(numbers(at(path).forward(x)), numbers(createActivation(name).forward(x)));
  handle.alpha = 0.5;
  const [half, first] = [at("features.0.act").forward(x), createActivation("gelu").forward(x)].map(
    numbers,
  ) as [number[], number[]];
  for (const [i, value] of numbers(x).entries())
    assert.ok(Math.abs((half[i] as number) - (Math.max(value, 0) + (first[i] as number)) / 2) < 1e-6);
  assert.equal(at("features.1.pw.act").ensembleActOptions?.ensemble, "stochastic");
});

test("a pattern of no site is refused, naming the sites", () => {
  const model = createModel("mobilenet-0.25-small", { classes: 10 });
  assert.throws(
    () => applyPea(model, { ...common, sites: { "layer1.*": { smooth: "mish" } } }),
    usage(
      /sites has the pattern "layer1\.\*", which no site's path has: they are features\.0\.act, .*, … and 21 more/,
    ),
  );
});

test("a recipe has them as peaSites, by alias too, and a flag as YAML", () => {
  const peaSites = { relu2: { smooth: "silu", ensemble: "weighted" } };
  const own: RecipeInput = { ...smallRecipe, peaSites } as RecipeInput;
  assert.deepEqual(resolveRecipe({ source: "the test", settings: own }).peaSites, {
    relu2: { smooth: "swish", ensemble: "weighted" },
  });
  const flag = recipeFlags().find(({ name }) => name === "pea-sites");
  assert.deepEqual(flag?.parse("{relu2: {smooth: silu, ensemble: weighted}}"), peaSites);
  assert.throws(
    () =>
      resolveRecipe({ source: "the test", settings: { ...own, peaSites: { relu2: { smooth: "tanh" } } } }),
    usage(/peaSites.* must be patterns of paths, each with ensemble/),
  );
});

test("a run with them goes on bit for bit, and with no others", async () => {
  const own: RecipeInput = {
    ...smallRecipe,
    model: "pair-network",
    epochs: 2,
    peaSites: { relu2: { smooth: "mish" } },
    pea: "WG75%",
  };
  await trainBothWays(own, [4]);
  const fitted = (sites?: SitePatterns) => {
    const method = new PeaMethod({ variant: "SM75%", sites });
    method.fit(fitContext());
    return method;
  };
  const saved = fitted({ "features.0": { smooth: "elu" } }).state();
  assert.throws(() => fitted().load(saved), usage(/sites \(saved .*elu.*, now undefined\)/));
});
