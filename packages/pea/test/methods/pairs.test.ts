/**
 * Any two methods that do not declare a conflict train together, go on bit for bit where they were stopped, and leave a ReLU
 * network to export; so does each with other settings that take other ways through the code. Runs have as many methods as may stand together, so that few of them have every pair.
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
import { methodInRecipe, otherSettings, pairRecipe, trainTeacher } from "../support/pair-network.ts";
import { fingerprint, trainInParts } from "../support/run-in-parts.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

let teacher: string;
before(async () => {
  // Each run asks for the commit of the folder that it is started in, which takes git as long as the run itself.
  process.chdir(temporaryFolder());
  teacher = await trainTeacher();
  await exportRun(teacher);
});

type Descriptor = Pick<MethodDescriptor, "name" | "stage" | "decides" | "excludes">;
const all: readonly Descriptor[] = builtIn;

/** A method with its usual settings, or with others. */
interface Entry extends Descriptor {
  /** Which of `otherSettings`. */
  other?: number;
}

const others = otherSettings("teacher");
const entries: readonly Entry[] = [
  ...all,
  ...others.map(({ name, excludes }, other) => {
    const usual = all.find((one) => one.name === name) as Descriptor;
    return { ...usual, other, excludes: { ...usual.excludes, ...(excludes && { [excludes]: "no step" }) } };
  }),
];
const titleOf = ({ name, other }: Entry): string =>
  other === undefined ? name : `${name} (${others[other]?.title})`;

const conflict = (one: Descriptor, other: Descriptor): boolean =>
  one.name === other.name ||
  (one.decides !== undefined && one.decides === other.decides) ||
  one.excludes?.[other.name] !== undefined ||
  other.excludes?.[one.name] !== undefined;
const inOrder = <T extends Descriptor>(methods: readonly T[]) =>
  [...methods].sort((a, b) => stages.indexOf(a.stage) - stages.indexOf(b.stage));
const pairsOf = <T extends Descriptor>(methods: readonly T[]) =>
  methods.flatMap((one, i) => methods.slice(i + 1).map((other) => [one, other] as const));
const nameOf = ([one, other]: readonly [Entry, Entry]) => [titleOf(one), titleOf(other)].sort().join(" + ");

/** Each method with each other one, at usual settings; and each of the other settings with each method at its usual ones. */
const possible = new Set(
  pairsOf(entries)
    .filter(([one, other]) => !conflict(one, other))
    .filter(([one, other]) => one.other === undefined || other.other === undefined)
    .map(nameOf),
);

/** Lists of methods that have every pair: each takes in turn the method that brings most pairs that no list has yet. */
function lists(): Entry[][] {
  const open = new Set(possible);
  const made: Entry[][] = [];
  while (open.size > 0) {
    const list: Entry[] = [];
    const gain = (one: Entry) => list.filter((other) => open.has(nameOf([one, other]))).length;
    const isOpen = (one: Entry) =>
      [...open].filter((pair) => pair.split(" + ").includes(titleOf(one))).length;
    for (;;) {
      const fitting = entries.filter(
        (one) => !list.includes(one) && !list.some((other) => conflict(one, other)),
      );
      const [best] = fitting.sort((a, b) => gain(b) - gain(a) || isOpen(b) - isOpen(a));
      if (best === undefined) break;
      list.push(best);
    }
    for (const pair of pairsOf(list)) open.delete(nameOf(pair));
    made.push(inOrder(list));
  }
  return made;
}

/** A recipe of the methods of a list. */
function recipeOf(list: readonly Entry[]): RecipeInput {
  const settings = otherSettings(teacher);
  const chosen = list.map(({ name, other }) => ({
    name,
    own: other === undefined ? undefined : settings[other],
  }));
  const methods = chosen.map(({ name, own }) =>
    own === undefined ? methodInRecipe(name, teacher) : { [name]: own.settings },
  );
  return Object.assign({}, pairRecipe, ...chosen.map(({ own }) => own?.recipe), { methods });
}

describe("every pair of methods without a conflict", () => {
  const made = lists();

  test("is in a list", () => {
    const covered = new Set(made.flatMap(pairsOf).map(nameOf));
    assert.deepEqual(
      [...possible].filter((pair) => !covered.has(pair)),
      [],
    );
    assert.ok(possible.size > 20 && made.length < 35, `${possible.size} pairs in ${made.length} lists`);
  });

  for (const list of made) {
    test(`trains, goes on and is exported: ${list.map(titleOf).join(", ")}`, async () => {
      const own = recipeOf(list);
      const whole = await train(own, { runDirectory: join(temporaryFolder(), "run") });
      const parted = await trainInParts(own, [2]);
      assert.deepEqual(fingerprint(parted.runDirectory), fingerprint(whole.runDirectory));
      assert.deepEqual(parted.last, whole.last);
      if (list.some(({ name }) => name === "activation")) return;
      const { operators } = await exportRun(whole.runDirectory);
      assert.equal(operators[own.relu === "relu6" ? "Clip" : "Relu"], 2);
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
