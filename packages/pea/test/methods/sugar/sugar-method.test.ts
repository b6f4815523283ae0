import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { EnsembleActOptions } from "@pea/kernels";
import { ReLU, setNumThreads, softplus, tensor } from "@pea/torch";
import { oracleCase, testAgainstPython } from "../../../../torch/test/oracle.ts";
import { chooseMethod } from "../../../src/methods/chosen-method.ts";
import { SugarMethod } from "../../../src/methods/index.ts";
import { SurrogateActivation } from "../../../src/methods/sugar/surrogate-activation.ts";
import { fitContext } from "../../support/fit-context.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);

const module = (f: EnsembleActOptions["smooth"]) => {
  const made = new SurrogateActivation(f);
  made.train();
  return made;
};
const injected = (f: string) => `y = ${f}
output = y - y.detach() + torch.relu(x).detach()`;

testAgainstPython([
  oracleCase({
    name: "the gradient of SUGAR is B-SiLU's, the value ReLU's",
    inputs: { x: [4, 7] },
    python: injected("(x + 1.67) * torch.sigmoid(x) - 1.67 / 2"),
    run: ({ x }) => module("b-silu").forward(x),
  }),
  oracleCase({
    name: "or another function's",
    inputs: { x: [4, 7] },
    python: injected("F.mish(x)"),
    run: ({ x }) => module("mish").forward(x),
  }),
  oracleCase({
    name: "or that of a function without kernel",
    inputs: { x: [4, 7] },
    python: injected("F.softplus(x)"),
    run: ({ x }) => module(softplus).forward(x),
  }),
]);

describe("SUGAR in a network", () => {
  test("computes ReLU to the bit, in training too", () => {
    const x = tensor(Float32Array.from({ length: 1000 }, (_, i) => 4 * Math.sin(i)));
    const expected = new ReLU().forward(x).toTypedArray();
    const sugar = module("b-silu");
    assert.deepEqual(sugar.forward(x).toTypedArray(), expected);
    sugar.eval();
    assert.deepEqual(sugar.forward(x).toTypedArray(), expected);
  });

  test("stands at every ReLU until the end, and leaves ReLU there", () => {
    const run = fitContext();
    const method = new SugarMethod({ surrogate: "b-silu" });
    const sites = () => [...run.model.namedModules().values()];
    const relus = sites().filter((one) => one instanceof ReLU).length;
    method.fit(run);
    assert.equal(sites().filter((one) => one instanceof SurrogateActivation).length, relus);
    method.deploy();
    assert.equal(sites().filter((one) => one instanceof ReLU).length, relus);
    assert.throws(() => method.load({ surrogate: "mish" }), usage(/surrogate \(saved mish, now b-silu\)/));
  });

  test("takes B-SiLU unless told otherwise, and refuses what is no smooth function", () => {
    assert.deepEqual(chooseMethod("sugar").settings, { surrogate: "b-silu" });
    assert.deepEqual(chooseMethod({ sugar: "Mish" }).settings, { surrogate: "mish" });
    assert.throws(
      () => chooseMethod({ sugar: "relu" }),
      usage(/surrogate of method sugar is "relu", but must be b-silu, gelu, swish/),
    );
  });
});
