import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { readSafetensors } from "@pea/torch";
import { readMetrics } from "../src/train/metrics.ts";
import { pea, startPea } from "./support/pea-process.ts";
import { temporaryFolder, writeTinyData } from "./support/tiny-data.ts";

// 240 steps with a checkpoint after every other one: most kills fall near or into the writing of one.
const recipe = [
  "--model",
  "mobilenet-0.02-small",
  "--data-dir",
  writeTinyData(),
  "--pea",
  "SM75%",
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
const KILLS = 10;
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

it(`a run killed ${KILLS} times at random moments ends with the weights and metrics of one never killed`, async () => {
  const folder = temporaryFolder();
  const [whole, killed] = [join(folder, "whole"), join(folder, "killed")];
  assert.equal((await pea("train", ...recipe, "--run", whole)).code, 0);

  for (let kill = 0; kill < KILLS; kill++) {
    const isStarted = existsSync(join(killed, "config.yaml"));
    const child = isStarted
      ? startPea("train", "--resume", killed)
      : startPea("train", ...recipe, "--run", killed);
    child.stdout?.resume();
    await once(child.stderr as NodeJS.ReadableStream, "data");
    await sleep(Math.random() * LONGEST);
    child.kill("SIGKILL");
    const [code, signal] = await once(child, "close");
    assert.equal(signal, "SIGKILL", `kill ${kill} came too late: the run had ended with ${code}`);
  }

  const resumed = await pea("train", "--resume", killed);
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.deepEqual(weights(killed, "last.safetensors"), weights(whole, "last.safetensors"));
  assert.deepEqual(weights(killed, "best.safetensors"), weights(whole, "best.safetensors"));
  assert.deepEqual(numbers(killed), numbers(whole));
});
