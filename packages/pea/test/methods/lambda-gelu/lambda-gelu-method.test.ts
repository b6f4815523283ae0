import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ReLU, setNumThreads, type Tensor, tensor } from "@pea/torch";
import { oracleCase, testAgainstPython } from "../../../../torch/test/oracle.ts";
import { LambdaGeluMethod } from "../../../src/methods/index.ts";
import { HardeningActivation } from "../../../src/methods/lambda-gelu/hardening-activation.ts";
import { lambdaOf } from "../../../src/methods/lambda-gelu/lambda-gelu-method.ts";
import { fitContext } from "../../support/fit-context.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);

const lambdaGeluOf = (x: Tensor, lambda: number) => new HardeningActivation({ lambda }).forward(x);

testAgainstPython(
  [1, 7.5].map((lambda) =>
    oracleCase({
      name: `x·Φ(λx) and its gradient at λ = ${lambda}`,
      inputs: { x: [4, 7] },
      python: `x * torch.distributions.Normal(0, 1).cdf(${lambda} * x)`,
      run: ({ x }) => lambdaGeluOf(x, lambda),
    }),
  ),
);

test("λ grows by equal factors, and ends in ReLU", () => {
  const lambdas = [0, 0.25, 0.5, 0.75, 1].map((progress) => lambdaOf(progress, 16));
  assert.deepEqual(lambdas, [1, 2, 4, 8, Number.POSITIVE_INFINITY]);
});

test("it differs from ReLU by at most 0.17/λ", () => {
  const x = tensor(Float64Array.from({ length: 4001 }, (_, i) => (i - 2000) / 1000));
  for (const lambda of [1, 10, 30]) {
    const [made, relu] = [lambdaGeluOf(x, lambda), new ReLU().forward(x)].map((one) =>
      Array.from(one.toTypedArray(), Number),
    ) as [number[], number[]];
    const largest = Math.max(...made.map((value, i) => Math.abs(value - (relu[i] as number))));
    assert.ok(Math.abs(largest * lambda - 0.17) < 0.001, `${largest}`);
  }
});

describe("a run", () => {
  const fitted = (options = { end: "75%", initial: "10%", hardness: 16 }) => {
    const run = fitContext();
    const method = new LambdaGeluMethod(options);
    method.fit(run);
    return { method, site: run.model.getModule("features.0.act"), run };
  };
  const x = tensor([-1, -0.1, 0, 0.1, 2]);
  const relu = [...new ReLU().forward(x).toTypedArray()];

  test("has three phases, of which epochs of the last are candidates", () => {
    const { method } = fitted();
    assert.deepEqual(method.phases, [
      { name: "gelu", firstStep: 0, endStep: 12 },
      { name: "hardening", firstStep: 12, endStep: 90 },
      { name: "relu", firstStep: 90, endStep: 120 },
    ]);
    const isCandidate = [80, 90].map((firstStep) =>
      method.isCandidate({ firstStep, endStep: firstStep + 10 }),
    );
    assert.deepEqual(isCandidate, [false, true]);
  });

  test("runs λ of its step, and ReLU from the end on; an evaluation may look at ReLU before", () => {
    const { method, site } = fitted();
    const output = () => [...site.forward(x).toTypedArray()];
    method.beforePass(51);
    assert.deepEqual(method.scalars(), { lambda: 4 });
    assert.deepEqual(output(), [...lambdaGeluOf(x, 4).toTypedArray()]);
    assert.equal(method.view, "deployed");
    method.show(true);
    assert.deepEqual(output(), relu);
    method.show(false);
    assert.deepEqual(output(), [...lambdaGeluOf(x, 4).toTypedArray()]);
    method.beforePass(90);
    assert.deepEqual([method.view, method.obstacle(), output()], [null, null, relu]);
  });

  test("goes on where it was, under the same plan, and leaves ReLU in the end alone", () => {
    const first = fitted();
    first.method.beforePass(51);
    const second = fitted();
    second.method.load(first.method.state());
    assert.deepEqual(second.method.scalars(), { lambda: 4 });
    assert.match(second.method.obstacle()?.why ?? "", /lambda is 4\.000/);
    assert.throws(() => second.method.deploy(), /lambda is 4: the network is no ReLU network yet/);
    second.method.beforePass(119);
    second.method.deploy();
    assert.ok(second.run.model.getModule("features.0.act") instanceof ReLU);
    const other = fitted({ end: "75%", initial: "10%", hardness: 8 }).method;
    assert.throws(() => other.load(first.method.state()), usage(/hardness \(saved 16, now 8\)/));
  });
});
