import assert from "node:assert/strict";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { readSafetensors } from "@pea/torch";
import { registerModel } from "../src/models/index.ts";
import type { RecipeInput } from "../src/train/config.ts";
import { readMetrics } from "../src/train/metrics.ts";
import { resumeTraining, type TrainOptions, type TrainResult, train } from "../src/train/train.ts";
import { TrainingInterrupted } from "../src/train/trainer.ts";
import { DropoutNetwork } from "./support/dropout-network.ts";
import { temporaryFolder, writeTinyData } from "./support/tiny-data.ts";

registerModel({
  name: "dropout-network",
  description: "a network that draws from the global generator at every step",
  inputShape: [1, 28, 28],
  classes: 10,
  create: ({ inputChannels = 1, classes = 10 }) => new DropoutNetwork(inputChannels, classes),
});

// 220 training images: 6 steps per epoch, 18 in all; the transition runs from step 1 to step 9.
const base: RecipeInput = {
  model: "dropout-network",
  dataDir: writeTinyData(),
  epochs: 3,
  batchSize: 32,
  lr: 0.05,
  cropPadding: 2,
  labelSmoothing: 0.1,
  logEverySteps: 4,
  threads: 1,
};

/** A run's numbers without those that tell time. */
function fingerprint(path: string) {
  const tensors = (name: string) =>
    Object.fromEntries(
      [...readSafetensors(join(path, "checkpoints", name)).tensors].map(([key, value]) => [
        key,
        Buffer.from(value.toTypedArray().buffer).toString("hex"),
      ]),
    );
  const rows = readMetrics(join(path, "metrics.jsonl")).map(
    ({ seconds, imagesPerSecond, ...numbers }) => numbers,
  );
  const hasBest = existsSync(join(path, "checkpoints", "best.safetensors"));
  return { last: tensors("last.safetensors"), best: hasBest && tensors("best.safetensors"), rows };
}

/** Stops after each of `steps`, going on in between with an optimizer, a network and data made anew. */
async function trainInParts(recipe: RecipeInput, steps: readonly number[]): Promise<TrainResult> {
  const runDirectory = join(temporaryFolder(), "run");
  const stopAt = (last: number): Pick<TrainOptions, "signal" | "observe"> => {
    const stop = new AbortController();
    return { signal: stop.signal, observe: () => ({ onStep: (step) => step === last && stop.abort() }) };
  };
  for (const [part, step] of steps.entries()) {
    const options = stopAt(step);
    const run =
      part === 0 ? train(recipe, { runDirectory, ...options }) : resumeTraining(runDirectory, options);
    await assert.rejects(run, TrainingInterrupted);
  }
  return resumeTraining(runDirectory);
}

const recipes: Record<string, RecipeInput> = {
  "a baseline": { ...base, pea: "none" },
  "weighted PEA": { ...base, pea: "WG50%" },
  "stochastic PEA": { ...base, pea: "SM50%" },
  "stochastic PEA in bf16": { ...base, pea: "SM50%", amp: "bf16" },
  "a swap to ReLU": { ...base, activation: "mish", swapToRelu: "50%" },
  "a swap to ReLU without fine-tuning": { ...base, activation: "mish", swapToRelu: "100%" },
};

for (const [name, recipe] of Object.entries(recipes)) {
  describe(`${name} that was stopped and resumed`, () => {
    let whole: TrainResult;
    before(async () => {
      whole = await train(recipe, { runDirectory: join(temporaryFolder(), "run") });
    });
    // Within the initial phase, mid-transition and mid-epoch, at the end of an epoch, in the final phase, before the end.
    for (const steps of [[1], [5], [6], [8], [13], [17], [3, 4, 12]])
      it(`has the weights and metrics of the whole run, stopped after ${steps}`, async () => {
        const parted = await trainInParts(recipe, steps);
        assert.deepEqual(fingerprint(parted.runDirectory), fingerprint(whole.runDirectory));
        assert.deepEqual([parted.last, parted.best], [whole.last, whole.best]);
      });
  });
}

describe("a run that is not as it was", () => {
  it("is not resumed with another recipe", async () => {
    const { runDirectory } = await train(
      { ...base, pea: "none", epochs: 1 },
      { runDirectory: join(temporaryFolder(), "run") },
    );
    const config = join(runDirectory, "config.yaml");
    writeFileSync(config, readFileSync(config, "utf8").replace("lr: 0.05", "lr: 0.06"));
    await assert.rejects(resumeTraining(runDirectory), /written with another recipe/);
  });

  it("is refused where another process trains", async () => {
    const { runDirectory } = await train(
      { ...base, epochs: 1 },
      { runDirectory: join(temporaryFolder(), "run") },
    );
    // This test's parent lives as long as the test.
    writeFileSync(join(runDirectory, "lock"), String(process.ppid));
    const inUse = { kind: "usage", message: new RegExp(`is in use by process ${process.ppid}`) };
    await assert.rejects(resumeTraining(runDirectory), inUse);
    await assert.rejects(train({ ...base, epochs: 1 }, { runDirectory, overwrite: true }), inUse);
    assert.ok(existsSync(join(runDirectory, "checkpoints", "last.safetensors")));
  });

  it("goes on with its data elsewhere", async () => {
    const dataDir = writeTinyData();
    const runDirectory = join(temporaryFolder(), "run");
    const whole = await train({ ...base, dataDir, epochs: 1 }, { runDirectory });
    const moved = join(temporaryFolder(), "moved");
    renameSync(dataDir, moved);
    await assert.rejects(resumeTraining(runDirectory), /Fashion-MNIST is not in/);
    const again = await resumeTraining(runDirectory, { dataDir: moved });
    assert.deepEqual(again.last, whole.last);
  });

  it("gives the same result when it is resumed after its end", async () => {
    const whole = await train({ ...base, epochs: 1 }, { runDirectory: join(temporaryFolder(), "run") });
    const again = await resumeTraining(whole.runDirectory);
    assert.deepEqual([again.last, again.best], [whole.last, whole.best]);
  });
});
