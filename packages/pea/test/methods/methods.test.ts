import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { tensor } from "@pea/torch";
import type { LossPass, Method } from "../../src/methods/method.ts";
import { Methods } from "../../src/methods/methods.ts";
import { fitContext } from "../support/fit-context.ts";
import { usage } from "../support/usage-error.ts";

/** Methods "a", "b", … with these hooks, fitted to a run of 12 epochs of 10 steps. */
function fitted(...hooks: Method[]): Methods {
  const methods = new Methods(hooks.map((hooks, i) => ({ name: "abc"[i] as string, hooks })));
  methods.fit(fitContext());
  return methods;
}

const image = tensor([1, 2, 3, 4], { shape: [1, 1, 2, 2] });
const label = tensor(BigInt64Array.of(0n));
const loaded = { images: image, labels: label, indices: Int32Array.of(0) };

describe("a run without methods", () => {
  const methods = fitted();
  test("is one phase, of which every epoch is a candidate, evaluated as it trains and deployed as it is", () => {
    assert.deepEqual(methods.phases, [{ name: "training", firstStep: 0, endStep: 120 }]);
    assert.equal(methods.phase, "training");
    assert.equal(methods.isCandidate({ firstStep: 0, endStep: 10 }), true);
    assert.deepEqual(methods.views, ["current"]);
    assert.equal(methods.obstacle, null);
    assert.deepEqual([methods.state(), methods.tensors().size], [[], 0]);
  });
  test("trains on the batch and the loss as they are", () => {
    assert.deepEqual(methods.batch(loaded, 0), { ...loaded, along: {} });
    const loss = tensor([1]);
    assert.equal(methods.loss(loss, {} as LossPass), loss);
  });
});

describe("several methods", () => {
  test("change batch and loss one after the other", () => {
    const seen: unknown[] = [];
    const methods = fitted(
      {
        batch: (batch, step) => ({
          ...batch,
          along: { first: label },
          images: step === 3 ? image : batch.images,
        }),
        loss: () => tensor([5]),
      },
      {
        batch: (batch) => {
          seen.push(Object.keys(batch.along));
          return { ...batch, along: { ...batch.along, second: label } };
        },
        loss: (loss) => {
          seen.push(loss.item());
          return tensor([7]);
        },
      },
    );
    assert.deepEqual(Object.keys(methods.batch(loaded, 3).along), ["first", "second"]);
    assert.equal(methods.loss(tensor([1]), {} as LossPass).item(), 7);
    assert.deepEqual(seen, [["first"], 5]);
  });

  test("are called in their order before a pass, for the gradients, after a step and at the end", () => {
    const calls: string[] = [];
    const recording = (name: string): Method => ({
      beforePass: (step, part) => calls.push(`${name}: before ${step}.${part}`),
      gradients: (step) => calls.push(`${name}: gradients ${step}`),
      afterStep: (step) => calls.push(`${name}: after ${step}`),
      deploy: () => calls.push(`${name}: deploy`),
    });
    const methods = fitted(recording("a"), {}, recording("c"));
    methods.beforePass(4, 1);
    methods.gradients(4);
    methods.afterStep(4);
    methods.deploy();
    assert.deepEqual(calls, [
      ..."ac".split("").map((name) => `${name}: before 4.1`),
      ..."ac".split("").map((name) => `${name}: gradients 4`),
      ..."ac".split("").map((name) => `${name}: after 4`),
      ..."ac".split("").map((name) => `${name}: deploy`),
    ]);
  });

  test("have a phase for each pair of theirs that comes together, and none for a method without", () => {
    const one: Method = {
      phases: [
        { name: "early", firstStep: 0, endStep: 40 },
        { name: "late", firstStep: 40, endStep: 120 },
      ],
    };
    const other: Method = {
      phases: [
        { name: "low", firstStep: 0, endStep: 60 },
        { name: "high", firstStep: 60, endStep: 120 },
      ],
    };
    const methods = fitted(one, {}, other);
    assert.deepEqual(methods.phases, [
      { name: "early, low", firstStep: 0, endStep: 40 },
      { name: "late, low", firstStep: 40, endStep: 60 },
      { name: "late, high", firstStep: 60, endStep: 120 },
    ]);
    assert.equal(methods.phase, "early, low");
    methods.beforePass(59);
    assert.equal(methods.phase, "late, low");
    methods.beforePass(60);
    assert.equal(methods.phase, "late, high");
  });

  test("let an epoch be the best one where all do, and are deployed where none has an obstacle", () => {
    const epoch = { firstStep: 0, endStep: 10 };
    const never: Method = { isCandidate: () => false, obstacle: () => ({ why: "it is red", endStep: 7 }) };
    assert.equal(fitted({ isCandidate: () => true }, {}).isCandidate(epoch), true);
    assert.equal(fitted({ isCandidate: () => true }, never).isCandidate(epoch), false);
    assert.equal(fitted({}, { obstacle: () => null }).obstacle, null);
    assert.deepEqual(fitted({}, never).obstacle, { why: "it is red", endStep: 7 });
  });

  test("log the scalars of all", () => {
    const methods = fitted({ scalars: () => ({ alpha: 1 }) }, {}, { scalars: () => ({ decay: 0.5 }) });
    assert.deepEqual(methods.scalars(), { alpha: 1, decay: 0.5 });
  });
});

describe("the views of methods", () => {
  /** A method with a view of that name, and whether it shows the network as deployed. */
  const viewed = (view: string | null) => {
    const shown: boolean[] = [];
    return { shown, hooks: { view, show: (deployed: boolean) => shown.push(deployed) } satisfies Method };
  };

  test("are the one that trains alone where all would deploy it as it is", () => {
    assert.deepEqual(fitted(viewed(null).hooks, {}).views, ["current"]);
  });
  test("have the deployed network last, under the name that the only method has for it", () => {
    assert.deepEqual(fitted(viewed("deployed").hooks, viewed(null).hooks).views, ["current", "deployed"]);
    assert.deepEqual(fitted(viewed(null).hooks, viewed("averaged").hooks).views, ["current", "averaged"]);
  });
  test("of several methods have each one's own, and `deployed` with what all do", () => {
    const [one, other] = [viewed("deployed"), viewed("averaged")];
    const methods = fitted(one.hooks, other.hooks);
    assert.deepEqual(methods.views, ["current", "averaged", "deployed"]);
    for (const view of methods.views) methods.show(view);
    assert.deepEqual(one.shown, [false, false, true]);
    assert.deepEqual(other.shown, [false, true, true]);
  });
});

describe("the state of methods", () => {
  const keeping = (value: number): Method & { loaded: unknown[] } => {
    const loaded: unknown[] = [];
    return {
      loaded,
      state: () => ({ value }),
      tensors: () => new Map([["x/y", tensor([value])]]),
      load: (state, tensors) => loaded.push([state, [...tensors].map(([key, one]) => [key, one.item()])]),
    };
  };

  test("goes to each by its name, its tensors with it, and tells the phase", () => {
    const saved = fitted(keeping(1), {}, keeping(3));
    assert.deepEqual(saved.state(), [{ method: "a", value: 1 }, { method: "b" }, { method: "c", value: 3 }]);
    assert.deepEqual([...saved.tensors().keys()], ["a/x/y", "c/x/y"]);
    const [first, last] = [keeping(0), keeping(0)];
    const phases = [
      { name: "early", firstStep: 0, endStep: 40 },
      { name: "late", firstStep: 40, endStep: 120 },
    ];
    const methods = fitted(first, { phases }, last);
    methods.load(JSON.parse(JSON.stringify(saved.state())), { steps: 41, tensors: saved.tensors() });
    assert.deepEqual(first.loaded, [[{ value: 1 }, [["x/y", 1]]]]);
    assert.deepEqual(last.loaded, [[{ value: 3 }, [["x/y", 3]]]]);
    assert.equal(methods.phase, "late");
  });

  test("of other methods, or in another order, is refused", () => {
    const methods = fitted({}, {});
    assert.throws(
      () => methods.load([{ method: "b" }, { method: "a" }], { steps: 0 }),
      usage(/other methods: b, a, now a, b; resume with those of its config\.yaml/),
    );
    assert.throws(() => methods.load([], { steps: 0 }), usage(/other methods: none, now a, b/));
  });
});
