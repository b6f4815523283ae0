/** ReLU cut off at a bound, as the activation that a network is left with: recipes' key `relu`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Ensemble, PeaError } from "@pea/core";
import { ClippedReLU, Module, mul, ReLU, ReLU6, setNumThreads, type Tensor, tensor } from "@pea/torch";
import { oracleCase, testAgainstPython } from "../../../torch/test/oracle.ts";
import { createActivation } from "../../src/activations/index.ts";
import { exportRun } from "../../src/export/export.ts";
import { setReLU } from "../../src/methods/activation-modules.ts";
import { applyPea, finalize, LambdaGeluMethod, SugarMethod } from "../../src/methods/index.ts";
import { type RecipeInput, resolveRecipe } from "../../src/recipe/recipe.ts";
import { train } from "../../src/train/train.ts";
import { fitContext } from "../support/fit-context.ts";
import { FunctionNetwork } from "../support/function-network.ts";
import { numbers } from "../support/numbers.ts";
import "../support/pair-network.ts";
import { fingerprint, trainInParts } from "../support/run-in-parts.ts";
import { smallRecipe } from "../support/small-recipe.ts";
import { temporaryFolder } from "../support/tiny-data.ts";
import { usage } from "../support/usage-error.ts";

setNumThreads(1);

/** One site. */
class Site extends Module {
  constructor(public act: Module = new ReLU6()) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return this.act.forward(x);
  }
}

function site(ensemble: Ensemble, alpha: number, bound = 6, act: Module = new ReLU6()) {
  const model = new Site(act);
  setReLU(model, bound);
  const handle = applyPea(model, { ensemble, smooth: "gelu", seed: 3 });
  handle.alpha = alpha;
  return { model, handle };
}

const x = tensor(Float64Array.from({ length: 400 }, (_, i) => (i - 100) / 20));

testAgainstPython(
  (
    [
      [0.3, 6],
      [1, 6],
      [0.6, 1.5],
    ] as const
  ).map(([alpha, bound]) =>
    oracleCase({
      name: `the weighted ensemble of GELU and ReLU cut off at ${bound}, and its gradient, at α = ${alpha}`,
      inputs: { x: [40, 7] },
      python: `${alpha} * F.hardtanh(4 * x, 0.0, ${bound}) + (1 - ${alpha}) * F.gelu(4 * x)`,
      run: ({ x }) => site("weighted", alpha, bound).model.forward(mul(x, 4)),
    }),
  ),
);

describe("an ensemble of ReLU cut off at 6", () => {
  test("is what the network's own smooth activations end in, too", () => {
    const model = new Site(new ReLU());
    const smooth = new Site(createActivation("swish"));
    const network = Object.assign(new Site(model), { smooth });
    setReLU(network, 6);
    applyPea(network, { ensemble: "weighted", smooth: "own" }).alpha = 1;
    finalize(network);
    assert.equal(`${smooth.act}`, "ClippedReLU(6)");
  });

  test("draws for the same elements as one of ReLU, whose place ReLU6 has", () => {
    const smooth = numbers(createActivation("gelu").forward(x));
    const [clipped, plain] = [6, Number.POSITIVE_INFINITY].map((bound) => {
      const { model, handle } = site("stochastic", 0.4, bound, new ReLU());
      handle.step = 5;
      return numbers(model.forward(x));
    }) as [number[], number[]];
    const isChosen = clipped.map((value, i) => Math.abs(value - (smooth[i] as number)) > 1e-12);
    for (const [i, value] of numbers(x).entries()) {
      if (isChosen[i]) assert.equal(clipped[i], Math.min(Math.max(value, 0), 6));
      if (value < 5) assert.ok(Math.abs((clipped[i] as number) - (plain[i] as number)) < 1e-12, `${value}`);
    }
    const beyond = isChosen.slice(-50).filter(Boolean).length;
    assert.ok(beyond > 5 && beyond < 40, `${beyond} of 50 above 6 are cut off`);
  });

  test("is ReLU6 at α = 1, and leaves it in the end", () => {
    const { model, handle } = site("stochastic", 1);
    assert.equal(handle.alpha, 1);
    assert.deepEqual(numbers(model.forward(x)), numbers(new ReLU6().forward(x)));
    finalize(model);
    assert.ok(model.act instanceof ClippedReLU && model.act.bound === 6);
  });
});

test("SUGAR has its values and leaves it, λ-GELU refuses it", () => {
  const model = new Site();
  setReLU(model, 2);
  const context = fitContext({ model });
  assert.throws(
    () => new LambdaGeluMethod({ end: "75%", hardness: 30 }).fit(context),
    usage(/lambda-gelu hardens into ReLU, but act is ClippedReLU\(2\): leave relu out/),
  );
  const sugar = new SugarMethod({ surrogate: "b-silu" });
  sugar.fit(context);
  assert.ok(numbers(model.forward(x)).every((value) => value >= 0 && value <= 2));
  sugar.deploy();
  assert.ok(model.act instanceof ClippedReLU);
});

describe("a recipe with relu", () => {
  const recipe: RecipeInput = { ...smallRecipe, model: "pair-network", epochs: 2, relu: "relu6" };

  for (const [name, method] of Object.entries({
    "PEA's": {},
    "ReLU's alone": { pea: "none" },
    "a swap's": { pea: "none", activation: "mish", swapToRelu: "75%" },
  }))
    test(`exports clips as ${name} network, resumed bit for bit`, async () => {
      const own: RecipeInput = { ...recipe, ...method };
      const whole = await train(own, { runDirectory: join(temporaryFolder(), "run") });
      const parted = await trainInParts(own, [7]);
      assert.deepEqual(fingerprint(parted.runDirectory), fingerprint(whole.runDirectory));
      const { operators } = await exportRun(whole.runDirectory);
      assert.deepEqual([operators.Clip, operators.Relu], [2, undefined]);
    });

  test("is refused where it names none, or the network has none", async () => {
    for (const relu of ["relu0", "relu-6", "ReLU6", "gelu"])
      assert.throws(
        () => resolveRecipe({ source: "the test", settings: { ...recipe, relu } }),
        (error) =>
          error instanceof PeaError &&
          /relu is .*, but must be "relu", or cut off at a number above 0/.test(error.message),
      );
    assert.throws(
      () => setReLU(new FunctionNetwork((x) => x), 6),
      usage(/relu is relu6, but FunctionNetwork has no module of ReLU or ReLU6 to be cut off there/),
    );
  });
});
