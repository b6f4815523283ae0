import assert from "node:assert/strict";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { readSafetensors, writeSafetensors } from "@pea/torch";
import { type RecipeInput, resolveRecipe } from "../../src/recipe/recipe.ts";
import { loadCheckpoint } from "../../src/run/checkpoint.ts";
import { disposeRun, prepareRun } from "../../src/run/prepare-run.ts";
import type { TrainResult } from "../../src/run/result.ts";
import { openTrainedRun } from "../../src/run/trained-run.ts";
import { resumeTraining, train } from "../../src/train/train.ts";
import "../support/dropout-network.ts";
import { fingerprint, trainInParts } from "../support/run-in-parts.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

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

const recipes: Record<string, RecipeInput> = {
  "a baseline": { ...base, pea: "none" },
  "weighted PEA": { ...base, pea: "WG50%" },
  "stochastic PEA": { ...base, pea: "SM50%" },
  "stochastic PEA in bf16": { ...base, pea: "SM50%", amp: "bf16" },
  "PEA whose deeper sites go to ReLU later": { ...base, pea: "SM50%", peaLag: 0.5 },
  "a swap to ReLU": { ...base, activation: "mish", swapToRelu: "50%" },
  "a swap to ReLU without fine-tuning": { ...base, activation: "mish", swapToRelu: "100%" },
};

/** What the optimizer, the passes of a batch and other methods add to these. */
const others: Record<string, RecipeInput> = {
  // The rate differs at every step, which the two forms of SGD take differently.
  "SGD in Keras' form": { ...base, pea: "WG50%", sgdForm: "keras", nesterov: true },
  // 12 of the 18 steps are rectified.
  RAdam: {
    ...base,
    pea: "SM50%",
    optimizer: "radam",
    lr: 1e-3,
    l2: { coef: 1e-4, form: "half", parameters: "all" },
  },
  "RAdam that skips and decays by itself": {
    ...base,
    optimizer: "radam",
    radam: { decay: "decoupled", unrectified: "skip", rhoThreshold: 4 },
    lr: 1e-3,
    l2: { form: "half" },
  },
  "AdamW on one cycle": {
    ...base,
    pea: "SM50%",
    optimizer: "adamw",
    lr: 2e-3,
    lrSchedule: "onecycle",
    l2: { coef: 0.05, form: "half" },
  },
  "Adam whose rate begins anew twice": {
    ...base,
    pea: "WG50%",
    optimizer: "adam",
    lr: 1e-3,
    lrSchedule: "restarts",
    lrCycle: "20%",
    lrCycleGrowth: 2,
  },
  "a run in parts of batches, with gradients clipped": {
    ...base,
    pea: "SM50%",
    microBatch: 12,
    clipGradNorm: 0.5,
  },
  "PEA with mixed images and averaged weights": {
    ...base,
    pea: "SM50%",
    methods: ["mixup", { ema: 0.9 }],
    microBatch: 12,
  },
  "averaged weights with statistics computed anew": { ...base, methods: ["ema"], batchNormReestimate: 2 },
};

// Within the initial phase, mid-transition and mid-epoch, at the end of an epoch, in the final phase, before the end.
const stops = [[1], [5], [6], [8], [13], [17], [3, 4, 12]];

for (const [name, recipe] of Object.entries({ ...recipes, ...others })) {
  describe(`${name} that was stopped and resumed`, () => {
    let whole: TrainResult;
    before(async () => {
      whole = await train(recipe, { runDirectory: join(temporaryFolder(), "run") });
    });
    for (const steps of name in others ? [[8], [3, 4, 12]] : stops)
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

  it("is not resumed with another optimizer, nor with another form of the same", async () => {
    const runDirectory = join(temporaryFolder(), "run");
    const { recipe } = await train({ ...base, epochs: 1 }, { runDirectory });
    const last = join(runDirectory, "checkpoints", "last.safetensors");
    for (const [settings, kind] of [
      [{ sgdForm: "keras" }, /SGD \(velocity\)/],
      [
        { optimizer: "radam", momentum: null, nesterov: null, sgdForm: null },
        /RAdam \(step, exp_avg, exp_avg_sq\)/,
      ],
    ] as const) {
      const other = await prepareRun(
        resolveRecipe({ source: "the run", settings: recipe }, { source: "the test", settings }),
      );
      const before = Array.from(other.model.parameters()[0]?.toTypedArray() ?? [], Number);
      assert.throws(() => loadCheckpoint(last, other), {
        kind: "usage",
        message: /last\.safetensors holds the state of SGD \(momentum\), which .* cannot go on with/,
      });
      assert.throws(() => loadCheckpoint(last, other), { message: kind });
      assert.deepEqual(Array.from(other.model.parameters()[0]?.toTypedArray() ?? [], Number), before);
      disposeRun(other);
    }
  });

  it("is neither resumed nor scored with damaged weights, unless they were changed on purpose", async () => {
    const { runDirectory } = await train(
      { ...base, epochs: 1, valFraction: 0 },
      { runDirectory: join(temporaryFolder(), "run") },
    );
    const last = join(runDirectory, "checkpoints", "last.safetensors");
    const whole = readFileSync(last);
    // One bit of the last tensor.
    const damaged = Buffer.from(whole);
    damaged[damaged.length - 1] = (damaged.at(-1) as number) ^ 1;
    writeFileSync(last, damaged);
    const message = /last\.safetensors is damaged: its tensors are not those that were written/;
    await assert.rejects(resumeTraining(runDirectory), { message });
    await assert.rejects(openTrainedRun(runDirectory), { message });
    assert.deepEqual(readFileSync(last), damaged);
    const { tensors, metadata } = readSafetensors(last);
    const { sha256, ...others } = metadata;
    assert.match(sha256 ?? "", /^[0-9a-f]{64}$/);
    writeSafetensors(last, tensors, others);
    disposeRun(await openTrainedRun(runDirectory));
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
    for (const overwrite of [true, false])
      await assert.rejects(train({ ...base, epochs: 1 }, { runDirectory, overwrite }), inUse);
    assert.ok(existsSync(join(runDirectory, "checkpoints", "last.safetensors")));
  });

  it("goes on with its data elsewhere", async () => {
    const dataDir = writeTinyData();
    const runDirectory = join(temporaryFolder(), "run");
    const whole = await train({ ...base, dataDir, epochs: 1 }, { runDirectory });
    const moved = join(temporaryFolder(), "moved");
    renameSync(dataDir, moved);
    await assert.rejects(resumeTraining(runDirectory), /there is no such folder; say with --data-dir/);
    const again = await resumeTraining(runDirectory, { dataDir: moved });
    assert.deepEqual(again.last, whole.last);
  });

  it("gives the same result when it is resumed after its end", async () => {
    const whole = await train({ ...base, epochs: 1 }, { runDirectory: join(temporaryFolder(), "run") });
    const again = await resumeTraining(whole.runDirectory);
    assert.deepEqual([again.last, again.best], [whole.last, whole.best]);
  });
});
