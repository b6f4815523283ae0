import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import { memoryStats } from "@pea/torch";
import { train } from "../../src/train/train.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

const dataDir = writeTinyData();

for (const pea of ["none", "WG50%", "SM50%"])
  it(`training with pea ${pea} leaves no tensor behind, over phases, evaluations and checkpoints`, async () => {
    const live: number[] = [];
    await train(
      {
        model: "mobilenet-0.02-small",
        dataDir,
        pea,
        peaInitial: "1st",
        epochs: 3,
        batchSize: 32,
        cropPadding: 1,
        checkpointEverySteps: 2,
        threads: 1,
      },
      {
        runDirectory: join(temporaryFolder(), "run"),
        observe: () => ({ onStep: () => live.push(memoryStats().tensors) }),
      },
    );
    assert.equal(live.length, 18);
    assert.deepEqual(new Set(live.slice(1)), new Set([live[1]]));
  });
