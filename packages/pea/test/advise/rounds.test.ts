import assert from "node:assert/strict";
import { it } from "node:test";
import {
  bestChange,
  betterHalf,
  confirmingSeeds,
  countRuns,
  seedsOf,
  standings,
} from "../../src/advise/rounds.ts";
import { resultsOf } from "../support/results.ts";
import { usage } from "../support/usage-error.ts";

const selected = (variant: string, scores: readonly number[]) =>
  resultsOf(variant, scores).map((result, i) => ({
    ...result,
    // The test part says the opposite.
    test: { best: 100 - (scores[i] as number), last: 0 },
    selected: { epoch: 8, validation: scores[i] as number },
  }));

const standing = standings(
  [...selected("ReLU", [90, 92]), ...selected("SM75%", [80, 90]), ...selected("WG75%", [93, 91])],
  ["ReLU", "SM75%", "WG75%"],
);

it("the candidates stand by their mean score on the validation part", () => {
  assert.deepEqual(standing, [
    { name: "WG75%", seeds: 2, validation: 92 },
    { name: "ReLU", seeds: 2, validation: 91 },
    { name: "SM75%", seeds: 2, validation: 85 },
  ]);
});

it("the better half goes on, and what is compared is never ReLU", () => {
  assert.deepEqual(betterHalf(standing), ["WG75%", "ReLU"]);
  assert.equal(bestChange(standing), "WG75%");
  assert.equal(bestChange(standing.slice(1)), "SM75%");
});

it("what diverged comes last, and goes no further", () => {
  const candidates = ["ReLU", "SM75%", "WG75%"];
  const scores = [...selected("ReLU", [90, 92]), ...selected("SM75%", [95]), ...selected("WG75%", [80, 80])];
  const standing = standings(scores, candidates, new Set(["SM75%"]));
  assert.deepEqual(standing.at(-1), { name: "SM75%", seeds: 1, validation: null });
  assert.equal(bestChange(standing), "WG75%");
  const both = standings(scores, candidates, new Set(["SM75%", "WG75%"]));
  assert.deepEqual(betterHalf(both), ["ReLU"]);
  assert.throws(() => bestChange(both), usage(/all ways to train but ReLU diverged: .*lower lr/));
});

it("seeds double from round to round, and those of the comparison are new", () => {
  assert.deepEqual([0, 1].map(seedsOf), [
    [0, 1],
    [0, 1, 2, 3],
  ]);
  assert.deepEqual(confirmingSeeds(3), [4, 5, 6]);
});

it("a run that is in two rounds is counted once", () => {
  // 6 · 2, then 3 · 2 more, then 2 · 6 of the comparison.
  assert.equal(countRuns(6), 30);
  assert.equal(countRuns(4), 24);
});
