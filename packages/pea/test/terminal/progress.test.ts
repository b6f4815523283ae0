import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import type { WriteStream } from "node:tty";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { resolveRecipe } from "../../src/recipe/recipe.ts";
import { planTraining } from "../../src/run/plan.ts";
import type { EpochMetrics, StepMetrics } from "../../src/run/training-observer.ts";
import { createProgress } from "../../src/terminal/progress.ts";
import { formatSeconds } from "../../src/terminal/time-left.ts";

const recipe = resolveRecipe({ source: "the test", settings: { epochs: 4, batchSize: 10 } });
/** 10 steps per epoch, 40 in all. */
const plan = planTraining(recipe, 100);

/** Half of the second epoch's steps, mid-transition. */
const moment: StepMetrics = {
  step: 15,
  epoch: 2,
  learningRate: 0.1,
  phase: "transition",
  scalars: { alpha: 0.25 },
  train: { loss: 0.51239, top1: 81.5 },
  imagesPerSecond: 1234.4,
};
const epoch: EpochMetrics = {
  ...moment,
  step: 20,
  validation: { current: { loss: 0.4, top1: 85.25 }, deployed: { loss: 0.9, top1: 70.5 } },
  candidate: true,
  test: null,
  best: { epoch: 2, step: 20, score: 85.25, loss: 0.4 },
  skipped: { train: 3, validation: 1, test: 0 },
  seconds: 1,
};

const [hideCursor, showCursor] = ["\u001b[?25l", "\u001b[?25h"];
const [noWrap, wrap] = ["\u001b[?7l", "\u001b[?7h"];

/** A terminal or a pipe that keeps what is written to it. */
function stream({ isTTY }: { isTTY: boolean }) {
  const output = Object.assign(new PassThrough(), {
    isTTY,
    columns: 200,
    rows: 40,
    cursorTo() {},
    moveCursor() {},
    clearLine() {},
    clearScreenDown() {},
  });
  return {
    output: output as unknown as WriteStream,
    written: () => stripVTControlCharacters(String(output.read() ?? "")),
  };
}

describe("on a terminal", () => {
  it("a bar shows share, epoch, loss, accuracy, α, phase, images per second and the time left", () => {
    const { output, written } = stream({ isTTY: true });
    const progress = createProgress(plan, output, 0);
    progress.onLog?.(moment);
    progress.onStep?.(15);
    progress.stop();
    assert.match(
      written(),
      /37% epoch 2\/4 {2}\d+ s left {2}loss 0\.5124 {2}top-1 81\.50 % {2}alpha 0\.250 {2}transition {2}1234 images\/s/,
    );
  });

  it("a process that ends in mid-run gives the cursor and line breaks back", () => {
    const script = `
      import { resolveRecipe } from "./recipe/recipe.ts";
      import { planTraining } from "./run/plan.ts";
      import { createProgress } from "./terminal/progress.ts";
      const plan = planTraining(resolveRecipe({ source: "the test", settings: { batchSize: 10 } }), 100);
      const terminal = Object.assign(process.stderr, { isTTY: true, columns: 60, rows: 20 });
      for (const name of ["cursorTo", "moveCursor", "clearLine", "clearScreenDown"]) terminal[name] = () => {};
      createProgress(plan, terminal, 0).onStep(1);
      process.exit(130);`;
    const { status, stderr } = spawnSync(
      process.execPath,
      ["--conditions=pea-source", "--import", "tsx", "--input-type=module", "--eval", script],
      { cwd: fileURLToPath(new URL("../../src", import.meta.url)), encoding: "utf8" },
    );
    assert.equal(status, 130, stderr);
    const sequences = [hideCursor, noWrap, showCursor, wrap].map((sequence) => stderr.lastIndexOf(sequence));
    assert.deepEqual(
      sequences.toSorted((a, b) => a - b),
      sequences,
      stderr,
    );
    assert.ok(!sequences.includes(-1), stderr);
  });

  it("a line above the bar stays for each epoch and each image left out", () => {
    const { output, written } = stream({ isTTY: true });
    const progress = createProgress(plan, output, 0);
    progress.onEpoch?.(epoch);
    progress.onSkip?.({ name: "a.jpg", reason: "it is empty" });
    progress.stop();
    const text = written();
    assert.match(
      text,
      /^epoch 2\/4 .*validation 85\.25 % {2}deployed 70\.50 % {2}best so far {2}3 training images skipped {2}1 validation image skipped/m,
    );
    assert.match(text, /^skipped a\.jpg: it is empty/m);
  });
});

describe("in a pipe", () => {
  it("an epoch is a plain line with the same facts", () => {
    const { output, written } = stream({ isTTY: false });
    const progress = createProgress(plan, output, 0);
    progress.onStep?.(15);
    // Soon after the start, so that it waits for the epoch's line.
    progress.onLog?.(moment);
    progress.onEpoch?.(epoch);
    progress.stop();
    assert.match(
      written(),
      /^epoch 2\/4 {2}loss 0\.5124 {2}top-1 81\.50 % {2}alpha 0\.250 {2}transition {2}1234 images\/s {2}validation 85\.25 % {2}deployed 70\.50 % {2}best so far {2}3 training images skipped {2}1 validation image skipped {2}\d+ s left\n$/,
    );
  });
});

it("spans of time are for people", () => {
  assert.deepEqual([42.4, 185, 7800].map(formatSeconds), ["42 s", "3 min 5 s", "2 h 10 min"]);
});
