import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { readSafetensors } from "@pea/torch";
import { readMetrics } from "../../src/run/metrics.ts";
import { outcomeOf, pea, said, startPea } from "../support/pea-process.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

// 240 steps with a checkpoint after every other one: most kills fall near or into the writing of one.
const recipe = [
  "--model",
  "mobilenet-0.02-small",
  "--data-dir",
  writeTinyData(),
  "--epochs",
  "40",
  "--batch-size",
  "32",
  "--checkpoint-every-steps",
  "2",
  "--log-every-steps",
  "5",
  "--threads",
  "1",
];
/** Ways of training, and how often a run of each is killed. */
const ways = [
  { name: "PEA", flags: ["--pea", "SM75%"], kills: 10 },
  {
    name: "PEA with mixed images and averaged weights",
    flags: ["--pea", "SM75%", "--methods", "mixup, ema: 0.9", "--micro-batch", "16"],
    kills: 4,
  },
];
/** Longest time from the first step to a kill, in milliseconds. */
const LONGEST = 250;

const weights = (run: string, name: string): Map<string, string> =>
  new Map(
    [...readSafetensors(join(run, "checkpoints", name)).tensors].map(([key, value]) => [
      key,
      Buffer.from(value.toTypedArray().buffer).toString("base64"),
    ]),
  );
const numbers = (run: string) =>
  readMetrics(join(run, "metrics.jsonl")).map(({ seconds, imagesPerSecond, ...row }) => row);

/** The step a run would go on from: that of its checkpoint, which must be whole, or 0 before the first one. */
function checkpointStep(run: string): number {
  const path = join(run, "checkpoints", "last.safetensors");
  return existsSync(path) ? JSON.parse(readSafetensors(path).metadata.state ?? "").step : 0;
}

function assertSame(run: string, whole: string): void {
  for (const name of ["last.safetensors", "best.safetensors"])
    assert.deepEqual(weights(run, name), weights(whole, name), name);
  assert.deepEqual(numbers(run), numbers(whole));
}

/**
 * Starts a run or goes on with it, and kills it at a random moment of its training.
 *
 * @returns whether it was killed; false where it ended before, as it may on a machine that is busy with other things
 */
async function trainUntilKilled(run: string, flags: readonly string[]): Promise<boolean> {
  const step = checkpointStep(run);
  const child = existsSync(join(run, "config.yaml"))
    ? startPea("train", "--resume", run)
    : startPea("train", ...recipe, ...flags, "--run", run);
  const outcome = outcomeOf(child);
  await Promise.race([said(child.stderr as NodeJS.ReadableStream, /^run: .*\n/m), outcome]);
  await sleep(Math.random() * LONGEST);
  child.kill("SIGKILL");
  const { code, stderr } = await outcome;
  assert.ok(child.signalCode === "SIGKILL" || code === 0, stderr);
  assert.match(stderr, step === 0 ? /^run: .*killed-\d+$/m : new RegExp(`, from step ${step}$`, "m"));
  assert.ok(checkpointStep(run) >= step);
  return child.signalCode === "SIGKILL";
}

for (const { name, flags, kills } of ways)
  it(`a run of ${name} killed ${kills} times at random moments ends with the weights and metrics of one never killed`, async () => {
    const folder = temporaryFolder();
    const whole = join(folder, "whole");
    assert.equal((await pea("train", ...recipe, ...flags, "--run", whole)).code, 0);

    let runs = 0;
    let run = join(folder, `killed-${runs}`);
    for (let killed = 0; killed < kills; ) {
      if (await trainUntilKilled(run, flags)) killed++;
      else {
        assertSame(run, whole);
        run = join(folder, `killed-${++runs}`);
      }
    }
    const resumed = await pea("train", "--resume", run);
    assert.equal(resumed.code, 0, resumed.stderr);
    assertSame(run, whole);
  });
