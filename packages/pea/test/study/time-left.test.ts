import assert from "node:assert/strict";
import { test } from "node:test";
import type { Cell } from "../../src/study/grid.ts";
import { TimeLeft } from "../../src/study/time-left.ts";

/** Runs of ten epochs, of which none has ended before. */
function study(targets: readonly unknown[], runs = 3) {
  const grid = Array.from(
    { length: runs },
    (_, i) => ({ hash: String(i), network: "net", recipe: { epochs: 10 }, targets }) as unknown as Cell,
  );
  let seconds = 0;
  const left = new TimeLeft(
    { grid, ledger: { has: () => false, timingOf: () => null }, jobs: 1 },
    () => 1000 * seconds,
  );
  const trained = (cell: Cell | undefined, step: number) =>
    left.progress(cell as Cell, { step, steps: 100, epoch: 1, epochs: 10, phase: "", score: null });
  const pass = (more: number) => {
    seconds += more;
  };
  return { grid: grid as [Cell, Cell, Cell], left, trained, pass };
}

test("nothing is said of the time before a run has come further than it began", () => {
  const { grid, left, trained } = study([]);
  left.start(grid[0]);
  trained(grid[0], 0);
  assert.equal(left.text(), "");
});

test("the time left is that of the runs that are missing, at the speed of the one in progress", () => {
  const { grid, left, trained, pass } = study([]);
  left.start(grid[0]);
  trained(grid[0], 0);
  pass(60);
  trained(grid[0], 50);
  // Half of the first, and two more of 120 s.
  assert.equal(left.text(), "5 min 0 s left");
  pass(60);
  left.end(grid[0]);
});

test("exports take their time: it is the least before one has been made, then theirs on average", () => {
  const { grid, left, trained, pass } = study([{}]);
  left.start(grid[0]);
  trained(grid[0], 0);
  pass(60);
  trained(grid[0], 100);
  assert.equal(left.text(), "at least 2 min 0 s left");
  left.export(grid[0]);
  pass(20);
  left.export(grid[0]);
  pass(20);
  // What is trained does not become slower while it is exported.
  assert.equal(left.text(), "at least 2 min 0 s left");
  left.end(grid[0]);
  left.start(grid[1]);
  trained(grid[1], 0);
  pass(60);
  trained(grid[1], 100);
  left.export(grid[1]);
  pass(10);
  // 30 s of this export, 60 s and 40 s of the last run.
  assert.equal(left.text(), "2 min 10 s left");
  pass(50);
  // It takes longer than the one before: what is left of it is not below 0.
  assert.equal(left.text(), "1 min 40 s left");
});
