import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { readMetrics } from "../../src/run/metrics.ts";
import { createRunDirectory } from "../../src/run/run-directory.ts";
import { Recorder } from "../../src/train/recorder.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

/** The step of an encoded event (field 2, a varint of one byte here; wall_time takes the first nine bytes). */
const stepOf = (event: Buffer): number => (event[9] === 0x10 ? (event[10] as number) : 0);
/** Field 7, a session_log { status: START }, at the end of an event. */
const isStart = (event: Buffer): boolean => event.subarray(-4).toString("hex") === "3a020801";

/** Steps of the scalars that TensorBoard shows: a START drops what came before it from its step on. */
function shownSteps(folder: string): number[] {
  let steps: number[] = [];
  const names = readdirSync(folder).filter((name) => name.startsWith("events.out.tfevents."));
  for (const name of names.sort()) {
    const bytes = readFileSync(join(folder, name));
    for (let place = 0; place < bytes.length; ) {
      const length = Number(bytes.readBigUInt64LE(place));
      const event = bytes.subarray(place + 12, place + 12 + length);
      place += 12 + length + 4;
      if (isStart(event)) steps = steps.filter((step) => step < stepOf(event));
      else if (stepOf(event) > 0) steps.push(stepOf(event));
    }
  }
  return steps;
}

function record(
  run: ReturnType<typeof createRunDirectory>,
  resumedAt: number,
  steps: readonly number[],
): void {
  const recorder = new Recorder(run, resumedAt);
  for (const step of steps)
    recorder.onLog({
      step,
      epoch: 1,
      phase: "training",
      learningRate: 0.1,
      scalars: {},
      train: { loss: 1, top1: 50 },
      imagesPerSecond: 100,
    });
  recorder.close();
}

describe("what a run that goes on has recorded", () => {
  for (const [what, resumedAt, expected] of [
    ["holds each step once, after a checkpoint of step 3", 3, [1, 2, 3, 4, 5, 6]],
    ["holds each step once, after a kill before the first checkpoint", 0, [1, 2, 3, 4, 5, 6]],
  ] as const)
    it(what, () => {
      const run = createRunDirectory(join(temporaryFolder(), "run"));
      record(run, 0, [1, 2, 3, 4, 5]);
      record(run, resumedAt, expected.slice(resumedAt));
      assert.deepEqual(shownSteps(run.path), expected);
      assert.deepEqual(
        readMetrics(run.metrics).map(({ step }) => step),
        expected,
      );
    });
});
