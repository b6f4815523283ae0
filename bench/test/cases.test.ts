import assert from "node:assert/strict";
import { test } from "node:test";
import { methodNames } from "pea-train";
import { listGroups } from "../cases.ts";
import { benchMethods } from "../protocol.ts";

for (const quick of [true, false])
  test(`groups have names of their own and no case twice (quick: ${quick})`, () => {
    const groups = listGroups({ quick });
    assert.equal(new Set(groups.map(({ name }) => name)).size, groups.length);
    for (const { name, cases } of groups)
      assert.equal(new Set(cases.map((item) => JSON.stringify(item))).size, cases.length, name);
  });

test("PyTorch 1.13 is not asked for Mish in bfloat16, which it does not have", () => {
  const asked = listGroups({ quick: false })
    .flatMap(({ cases }) => cases)
    .filter(
      ({ contender, workload }) =>
        contender === "torch1" &&
        "precision" in workload &&
        workload.precision === "bf16" &&
        workload.activation.endsWith("mish"),
    );
  assert.deepEqual(asked, []);
});

test("whatever is compared with PyTorch has its ReLU step in the same group", () => {
  for (const { suite, name, cases } of listGroups({ quick: false })) {
    if (suite !== "step" && suite !== "memory") continue;
    for (const peer of ["torch1", "torch2"])
      assert.ok(
        cases.some(
          ({ contender, workload }) =>
            contender === peer &&
            workload.kind === "step" &&
            workload.activation === "relu" &&
            workload.precision === "fp32",
        ),
        `${peer} in ${name}`,
      );
  }
});

test("each method is measured beside ReLU alone, on both small networks where it goes with both", () => {
  const groups = listGroups({ quick: false }).filter(({ suite }) => suite === "methods");
  const methodsOf = (name: RegExp) =>
    groups
      .filter((group) => name.test(group.name))
      .flatMap(({ cases }) => cases)
      .map(({ workload }) =>
        "network" in workload ? workload.method : "step" in workload && workload.step?.method,
      );
  assert.deepEqual(methodsOf(/resnet18-small/), [undefined, ...benchMethods]);
  assert.deepEqual(
    methodsOf(/mobilenet-0.25-small/),
    [undefined, ...benchMethods].filter((name) => name !== "stochastic-depth"),
  );
  assert.deepEqual(methodsOf(/resnet18\/streamed/), [undefined, "randaugment"]);
  // PEA has its own groups; an activation that stays takes a swap's steps.
  const measured = new Set<string>([...benchMethods, "randaugment", "pea", "activation"]);
  assert.deepEqual(
    methodNames().filter((name) => !measured.has(name)),
    [],
  );
});
