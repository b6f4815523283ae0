import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import {
  Conv2d,
  Module,
  manualSeed,
  noGrad,
  ReLU,
  randn,
  relu,
  setNumThreads,
  type Tensor,
} from "@pea/torch";
import { applyPea, EnsembleActivation, finalize, replaceActivation } from "../../../src/methods/index.ts";
import { createModel } from "../../../src/models/index.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);

const settings = { ensemble: "stochastic", smooth: "mish" } as const;

const small = () => createModel("mobilenet-0.25-small", { classes: 10 });

const pathsOf = (model: Module, kind: new (...args: never[]) => Module) =>
  [...model.namedModules()].filter(([, module]) => module instanceof kind).map(([path]) => path);

describe("applyPea", () => {
  test("swaps every ReLU, keeping paths and state-dict keys", () => {
    for (const name of ["resnet18-0.125", "mobilenet-0.25-small"]) {
      const plain = createModel(name);
      const model = createModel(name);
      const handle = applyPea(model, settings);
      assert.deepEqual(pathsOf(model, EnsembleActivation), pathsOf(plain, ReLU));
      assert.deepEqual(pathsOf(model, ReLU), []);
      assert.deepEqual([...model.stateDict().keys()], [...plain.stateDict().keys()]);
      assert.deepEqual(
        handle.sites.map(({ path, module }) => [path, module.site]),
        pathsOf(plain, ReLU).map((path, site) => [path, site]),
      );
    }
  });

  test("starts with the smooth activation alone", () => {
    const { alpha, step, view } = applyPea(small(), settings);
    assert.deepEqual({ alpha, step, view }, { alpha: 0, step: 0, view: "current" });
  });

  test("keeps training and evaluation mode", () => {
    const model = small().eval();
    applyPea(model, settings);
    assert.equal(model.getModule("features.0.act").training, false);
  });

  test("gives each model a handle of its own", () => {
    const [first, second] = [applyPea(small(), settings), applyPea(small(), settings)];
    first.alpha = 0.5;
    assert.equal(second.alpha, 0);
  });

  class Inline extends Module {
    readonly conv = new Conv2d(3, 4, 3);
    forward(x: Tensor): Tensor {
      return relu(this.conv.forward(x));
    }
  }

  test("warns when there is no ReLU module", async () => {
    const warnings: string[] = [];
    assert.deepEqual(applyPea(new Inline(), { ...settings, warn: (text) => warnings.push(text) }).sites, []);
    assert.match(warnings.join(), /no ReLU module found in Inline.*make each a ReLU module/);

    const emitted = once(process, "warning");
    applyPea(new Inline(), settings);
    assert.match((await emitted)[0].message, /no ReLU module found/);
  });

  test("refuses one ReLU instance in two places, naming both", () => {
    class Shared extends Module {
      readonly first = new ReLU();
      readonly second = this.first;
      forward(x: Tensor): Tensor {
        return this.second.forward(this.first.forward(x));
      }
    }
    assert.throws(
      () => applyPea(new Shared(), settings),
      usage(/one ReLU instance stands at first and at second/),
    );
  });

  test("refuses a model that has PEA", () => {
    const model = small();
    applyPea(model, settings);
    assert.throws(
      () => applyPea(model, settings),
      usage(/stands in this model already \(at features.0.act\)/),
    );
  });

  test("refuses an ensemble or smooth activation it does not know, and leaves the model as it was", () => {
    const model = small();
    const apply = (wrong: object) => () => applyPea(model, { ...settings, ...wrong });
    assert.throws(
      apply({ ensemble: "mixed" }),
      usage(/ensemble must be one of weighted, stochastic, not mixed$/),
    );
    assert.throws(apply({ ensemble: undefined }), usage(/ensemble .* not undefined$/));
    assert.throws(
      apply({ smooth: "softplus" }),
      usage(/smooth .* gelu, swish, mish, elu, hardswish, gelu-tanh, not softplus$/),
    );
    assert.throws(apply({ smooth: "relu" }), usage(/smooth .* not relu$/));
    assert.equal(pathsOf(model, EnsembleActivation).length, 0);
  });

  test("takes SiLU for Swish, which is the same", () => {
    assert.equal(applyPea(small(), { ...settings, smooth: "silu" }).smooth, "swish");
  });

  test("refuses a seed that is no whole number", () => {
    assert.throws(() => applyPea(small(), { ...settings, seed: 0.5 }), usage(/seed .* not 0.5/));
    assert.throws(() => applyPea(small(), { ...settings, seed: -1 }), usage(/seed .* not -1/));
  });
});

describe("the handle", () => {
  test("takes α from 0 to 1 only", () => {
    const handle = applyPea(small(), settings);
    handle.alpha = 0.25;
    for (const alpha of [-0.001, 1.001, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(
        () => {
          handle.alpha = alpha;
        },
        usage(new RegExp(`alpha must be a number from 0 to 1, not ${alpha}`)),
      );
    }
    assert.equal(handle.alpha, 0.25);
  });

  test("takes whole steps only", () => {
    const handle = applyPea(small(), settings);
    for (const step of [-1, 0.5, 2 ** 32, Number.NaN]) {
      assert.throws(
        () => {
          handle.step = step;
        },
        usage(new RegExp(`step must be a whole number from 0 to 4294967295, not ${step}`)),
      );
    }
  });
});

describe("finalize", () => {
  test("throws below α = 1 and changes nothing", () => {
    const model = small();
    const handle = applyPea(model, settings);
    for (const alpha of [0, 0.999999]) {
      handle.alpha = alpha;
      assert.throws(() => finalize(model), new RegExp(`alpha is ${alpha} at features.0.act`));
    }
    handle.alpha = 0.5;
    handle.view = "deployed";
    assert.throws(() => finalize(model), /alpha is 0.5/);
    assert.equal(pathsOf(model, EnsembleActivation).length, 27);
  });

  test("puts plain ReLU back without changing an output or a key", () => {
    manualSeed(3);
    const plain = createModel("mobilenet-0.25-small");
    const model = createModel("mobilenet-0.25-small");
    applyPea(model, settings).alpha = 1;
    model.loadStateDict(plain.stateDict());
    const x = randn([2, 3, 32, 32]);
    const outputs = () => noGrad(() => model.eval().forward(x)).toTypedArray();
    const before = outputs();
    finalize(model);
    assert.deepEqual(outputs(), before);
    assert.deepEqual(pathsOf(model, ReLU), pathsOf(plain, ReLU));
    assert.deepEqual([...model.stateDict().keys()], [...plain.stateDict().keys()]);
    assert.deepEqual(outputs(), noGrad(() => plain.eval().forward(x)).toTypedArray());
  });

  test("leaves a model without PEA as it is", () => {
    const model = small();
    const act = model.getModule("features.0.act");
    finalize(model);
    assert.equal(model.getModule("features.0.act"), act);
  });
});

test("replaceActivation makes the upper limit's network: the smooth activation at every site", () => {
  const model = small();
  const sites = pathsOf(model, ReLU);
  const places = replaceActivation(model, "mish");
  assert.deepEqual(
    places.map(({ path, module }) => [path, module.constructor.name]),
    sites.map((path) => [path, "Mish"]),
  );
});
