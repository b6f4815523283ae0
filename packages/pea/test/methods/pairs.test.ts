/**
 * Any two methods that do not declare a conflict train together, go on bit for bit where they were stopped, and leave a ReLU
 * network to export. Runs have as many methods as may stand together, so that few of them have every pair.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { exportRun } from "../../src/export/export.ts";
import { builtIn } from "../../src/methods/built-in.ts";
import { checkTogether, chooseMethod } from "../../src/methods/chosen-method.ts";
import { type MethodDescriptor, stages } from "../../src/methods/descriptor.ts";
import type { RecipeInput } from "../../src/recipe/recipe.ts";
import { train } from "../../src/train/train.ts";
import { methodInRecipe, pairRecipe, trainTeacher } from "../support/pair-network.ts";
import { fingerprint, trainInParts } from "../support/run-in-parts.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

let teacher: string;
before(async () => {
  teacher = await trainTeacher();
});

type Descriptor = Pick<MethodDescriptor, "name" | "stage" | "decides" | "excludes">;
const all: readonly Descriptor[] = builtIn;

const conflict = (one: Descriptor, other: Descriptor): boolean =>
  (one.decides !== undefined && one.decides === other.decides) ||
  one.excludes?.[other.name] !== undefined ||
  other.excludes?.[one.name] !== undefined;
const inOrder = (methods: readonly Descriptor[]) =>
  [...methods].sort((a, b) => stages.indexOf(a.stage) - stages.indexOf(b.stage));
const pairsOf = (methods: readonly Descriptor[]) =>
  methods.flatMap((one, i) => methods.slice(i + 1).map((other) => [one, other] as const));
const nameOf = ([one, other]: readonly [Descriptor, Descriptor]) => [one.name, other.name].sort().join(" + ");

const possible = new Set(
  pairsOf(all)
    .filter(([one, other]) => !conflict(one, other))
    .map(nameOf),
);

/** Lists of methods that have every pair: each takes in turn the method that brings most pairs that no list has yet. */
function lists(): Descriptor[][] {
  const open = new Set(possible);
  const made: Descriptor[][] = [];
  while (open.size > 0) {
    const list: Descriptor[] = [];
    const gain = (one: Descriptor) => list.filter((other) => open.has(nameOf([one, other]))).length;
    const isOpen = (one: Descriptor) =>
      [...open].filter((pair) => pair.split(" + ").includes(one.name)).length;
    for (;;) {
      const fitting = all.filter((one) => !list.includes(one) && !list.some((other) => conflict(one, other)));
      const [best] = fitting.sort((a, b) => gain(b) - gain(a) || isOpen(b) - isOpen(a));
      if (best === undefined) break;
      list.push(best);
    }
    for (const pair of pairsOf(list)) open.delete(nameOf(pair));
    made.push(inOrder(list));
  }
  return made;
}

describe("every pair of methods without a conflict", () => {
  const made = lists();

  test("is in a list", () => {
    const covered = new Set(made.flatMap(pairsOf).map(nameOf));
    assert.deepEqual(
      [...possible].filter((pair) => !covered.has(pair)),
      [],
    );
    assert.ok(possible.size > 20 && made.length < 20, `${possible.size} pairs in ${made.length} lists`);
  });

  for (const list of made) {
    const names = list.map(({ name }) => name);
    test(`trains, goes on and is exported: ${names.join(", ")}`, async () => {
      const methods = names.map((name) => methodInRecipe(name, teacher));
      const own = { ...pairRecipe, methods } as RecipeInput;
      const whole = await train(own, { runDirectory: join(temporaryFolder(), "run") });
      const parted = await trainInParts(own, [2]);
      assert.deepEqual(fingerprint(parted.runDirectory), fingerprint(whole.runDirectory));
      assert.deepEqual(parted.last, whole.last);
      if (names.includes("activation")) return;
      const { operators } = await exportRun(whole.runDirectory);
      assert.equal(operators.Relu, 2);
    });
  }
});

test("methods that declare a conflict are refused together with the reason, all others are not", () => {
  for (const [one, other] of pairsOf(all)) {
    const together = () =>
      checkTogether(inOrder([one, other]).map(({ name }) => chooseMethod(methodInRecipe(name, "teacher"))));
    const excluded = one.excludes?.[other.name] ?? other.excludes?.[one.name];
    const why = excluded ?? `both decide ${one.decides}`;
    if (conflict(one, other))
      assert.throws(together, {
        kind: "usage",
        message: new RegExp(`do not go together: ${why}; leave one out`),
      });
    else together();
  }
});

test("every method has a page, which docs/methods.md leads to", () => {
  const page = readFileSync(join(import.meta.dirname, "../../../../docs/methods.md"), "utf8");
  for (const { name } of all) {
    const row = page.split("\n").find((line) => line.startsWith(`| [\`${name}\`]`)) ?? "";
    const [, path = "none"] = /\]\(\.\.\/([^)]+)\)/.exec(row) ?? [];
    assert.ok(existsSync(join(import.meta.dirname, "../../../..", path)), `${name}: ${path}`);
    assert.equal(row.split(" | ")[1], all.find((one) => one.name === name)?.stage, name);
  }
});
