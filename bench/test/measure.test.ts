import assert from "node:assert/strict";
import { test } from "node:test";
import { type MeasureOptions, planTurns } from "../measure.ts";

const options: MeasureOptions = { rounds: { most: 15, least: 5 }, group: 30_000, turn: 300, peaks: 3 };

function duration(durations: readonly number[], { rounds, turns }: ReturnType<typeof planTurns>): number {
  const round = turns.reduce(
    (sum, { warmUp, repetitions }, index) => sum + (warmUp + repetitions) * (durations[index] as number),
    0,
  );
  return rounds * round;
}

test("few short cases get all rounds, and turns no longer than asked for", () => {
  const plan = planTurns([10, 30], options);
  assert.deepEqual(plan, {
    rounds: 15,
    turns: [
      { warmUp: 1, repetitions: 29 },
      { warmUp: 1, repetitions: 9 },
    ],
  });
});

test("many short cases get shorter turns before they get fewer rounds", () => {
  const durations = Array.from({ length: 40 }, () => 20);
  const plan = planTurns(durations, options);
  assert.equal(plan.rounds, 15);
  assert.ok(plan.turns.every(({ repetitions }) => repetitions === 1));
  assert.ok(duration(durations, plan) <= options.group);
});

test("long cases run once in a turn, without a warm-up, in the fewest rounds", () => {
  assert.deepEqual(planTurns([9000, 4000], options), {
    rounds: 5,
    turns: [
      { warmUp: 0, repetitions: 1 },
      { warmUp: 0, repetitions: 1 },
    ],
  });
});
