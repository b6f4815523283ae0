// A run that PyPI's torchrun starts: `PEA_TORCHRUN` is its program.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { train } from "../../src/train/train.ts";
import { outcomeOf, peaCommand } from "../support/pea-process.ts";
import { processesOf, sharedWeightsOf } from "../support/shared-run.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

/** 60 steps. */
const recipe = {
  model: "resnet8",
  dataDir: writeTinyData({ train: 120, test: 20 }),
  pea: "SM50%",
  valFraction: 0,
  epochs: 6,
  batchSize: 12,
  checkpointEverySteps: 3,
  threads: 1,
};
const words = [
  ...["train", "--model", "resnet8", "--data-dir", recipe.dataDir, "--pea", "SM50%", "--val-fraction", "0"],
  ...["--epochs", "6", "--batch-size", "12", "--checkpoint-every-steps", "3", "--threads", "1"],
];

function startTorchrun(run: string, restarts: number): ChildProcess {
  const options = [
    "--standalone",
    "--no-python",
    "--nproc-per-node",
    "2",
    "--max-restarts",
    String(restarts),
    "--",
  ];
  return spawn(process.env.PEA_TORCHRUN as string, [...options, ...peaCommand, ...words, "--run", run], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, OMP_NUM_THREADS: "1" },
  });
}

/** Two processes of which one is killed once there is a checkpoint. */
async function trainAndKill(run: string, { rank, restarts }: { rank: number; restarts: number }) {
  const torchrun = startTorchrun(run, restarts);
  let isEnded = false;
  const ended = outcomeOf(torchrun).finally(() => {
    isEnded = true;
  });
  const checkpoint = join(run, "checkpoints/last.safetensors");
  while (!existsSync(checkpoint) && !isEnded) await sleep(20);
  assert.ok(!isEnded, isEnded ? (await ended).stderr : "");
  process.kill(processesOf(torchrun)[rank] as number, "SIGKILL");
  return ended;
}

describe("two processes of torchrun", () => {
  for (const rank of [0, 1])
    it(`go on by themselves after rank ${rank} was killed, to the weights of a run never disturbed`, async () => {
      const folder = temporaryFolder();
      const whole = await train({ ...recipe, microBatch: 6 }, { runDirectory: join(folder, "whole") });
      const run = join(folder, "run");
      const { code, stderr } = await trainAndKill(run, { rank, restarts: 1 });
      assert.equal(code, 0, stderr);
      assert.match(stderr, /^run: .*, from step \d+$/m);
      assert.deepEqual(sharedWeightsOf(run), sharedWeightsOf(whole.runDirectory));
    });

  it("fail with torchrun's error, which names the one that was killed, where no restart is left", async () => {
    const run = join(temporaryFolder(), "run");
    const { code, stderr } = await trainAndKill(run, { rank: 1, restarts: 0 });
    assert.notEqual(code, 0);
    assert.match(stderr, /rank\s*: 1 \(local_rank: 1\)\s*exitcode\s*: -9/);
  });
});
