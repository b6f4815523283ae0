import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Conv2d, Module, manualSeed, mean, ReLU, SGD, type Tensor, tensor } from "@pea/torch";
import type { Batch, BatchLoader } from "../../src/data/loading/loader.ts";
import { MixupMethod } from "../../src/methods/index.ts";
import { Methods } from "../../src/methods/methods.ts";
import { classification } from "../../src/tasks/classification/classification.ts";
import { segmentation } from "../../src/tasks/segmentation/segmentation.ts";
import type { Task } from "../../src/tasks/task.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const CLASSES = ["a", "b", "c"];
const STEPS = 4;
const SIDE = 3;

/** No batch norm: its statistics alone differ between a batch and its parts. */
class Network extends Module {
  readonly first = new Conv2d(1, 8, 3, { padding: 1 });
  readonly act = new ReLU();
  readonly second = new Conv2d(8, CLASSES.length, 1);
  /** Sizes of the batches that passed. */
  readonly passed: number[] = [];

  constructor(readonly givesPixels: boolean) {
    super();
  }

  override forward(images: Tensor): Tensor {
    this.passed.push(images.shape[0] as number);
    const y = this.second.forward(this.act.forward(this.first.forward(images)));
    return this.givesPixels ? y : mean(y, { dim: [2, 3] });
  }
}

/** Batches of ten; of the pixels of image i about i in ten are ignored, so that parts differ in what counts. */
function loader(givesPixels: boolean): BatchLoader {
  const pixels = SIDE ** 2;
  return {
    stepsPerEpoch: 2,
    samplesPerEpoch: 20,
    skipped: new Map(),
    *batches(epoch = 0): Generator<Batch> {
      for (const step of [0, 1]) {
        const seed = 2 * epoch + step;
        const value = (i: number) => Math.sin(1 + i * 12.9898 + seed * 78.233);
        const label = (i: number) => BigInt((i * 7 + seed) % CLASSES.length);
        const isIgnored = (i: number) => (i * 3) % 10 < Math.floor(i / pixels);
        yield {
          indices: Int32Array.from({ length: 10 }, (_, i) => i),
          images: tensor(
            Float32Array.from({ length: 10 * pixels }, (_, i) => value(i)),
            {
              shape: [10, 1, SIDE, SIDE],
            },
          ),
          labels: givesPixels
            ? tensor(
                BigInt64Array.from({ length: 10 * pixels }, (_, i) => (isIgnored(i) ? 255n : label(i))),
                { shape: [10, SIDE, SIDE] },
              )
            : tensor(BigInt64Array.from({ length: 10 }, (_, i) => label(i))),
        };
      }
    },
  };
}

async function trained({
  task,
  microBatch,
  clipGradNorm = 0,
  methods = new Methods([]),
}: {
  task: Task["name"];
  microBatch: number;
  clipGradNorm?: number;
  methods?: Methods;
}) {
  manualSeed(5);
  const givesPixels = task === "segmentation";
  const model = new Network(givesPixels);
  methods.fit({ model, totalSteps: STEPS, stepsPerEpoch: 2, seed: 3, inputShape: [1, 28, 28] });
  const folder = temporaryFolder();
  const losses: number[] = [];
  const trainer = new Trainer({
    model,
    methods,
    optimizer: new SGD(model.parameters(), { lr: 0, momentum: 0.9 }),
    plan: {
      epochs: 2,
      stepsPerEpoch: 2,
      totalSteps: STEPS,
      selectFromStep: 0,
      learningRate: {
        shape: "constant",
        peak: 0.5,
        warmupSteps: 0,
        totalSteps: STEPS,
        boundaries: [],
        gamma: 1,
        boundary: "inclusive",
      },
    },
    task: givesPixels ? segmentation(CLASSES) : classification(CLASSES),
    batches: loader(givesPixels),
    validation: null,
    test: null,
    settings: {
      seed: 0,
      batchSize: 10,
      device: "cpu",
      amp: "none",
      labelSmoothing: 0.1,
      microBatch,
      syncBatchNorm: false,
      clipGradNorm,
      logEverySteps: 1,
      checkpointEverySteps: 0,
      batchNormReestimate: 0,
    },
    files: { last: join(folder, "last.safetensors"), best: join(folder, "best.safetensors") },
    recipeHash: "hash",
  });
  trainer.observe({ onLog: ({ train }) => losses.push(train.loss) });
  await trainer.run();
  const weights = model.parameters().flatMap((parameter) => Array.from(parameter.toTypedArray(), Number));
  return { weights, losses, passed: model.passed };
}

const difference = (a: readonly number[], b: readonly number[]) =>
  Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number))));

for (const task of ["classification", "segmentation"] as const)
  describe(`a batch that passes in parts, in ${task}`, () => {
    it("has the losses and moves the weights as the whole one, also where the last part is smaller", async () => {
      const whole = await trained({ task, microBatch: 0 });
      assert.deepEqual(whole.passed, [10, 10, 10, 10]);
      for (const [microBatch, parts] of [
        [5, [5, 5]],
        [4, [4, 4, 2]],
        [3, [3, 3, 3, 1]],
      ] as const) {
        const parted = await trained({ task, microBatch });
        assert.deepEqual(parted.passed, Array.from({ length: STEPS }, () => parts).flat());
        assert.ok(difference(parted.weights, whole.weights) < 2e-6);
        assert.ok(difference(parted.losses, whole.losses) < 2e-6);
      }
    });

    it("is the whole one bit for bit where a part holds it", async () => {
      const whole = await trained({ task, microBatch: 0 });
      for (const microBatch of [10, 64]) assert.deepEqual(await trained({ task, microBatch }), whole);
    });

    it("has its gradients clipped together, after the last part", async () => {
      const whole = await trained({ task, microBatch: 0, clipGradNorm: 0.05 });
      const parted = await trained({ task, microBatch: 4, clipGradNorm: 0.05 });
      assert.ok(difference(parted.weights, whole.weights) < 2e-6);
      assert.ok(difference(whole.weights, (await trained({ task, microBatch: 0 })).weights) > 1e-2);
    });
  });

describe("a mixed batch that passes in parts", () => {
  it("is mixed as the whole one, each part with its labels", async () => {
    const mixed = (microBatch: number) => {
      const methods = new Methods([{ name: "mixup", hooks: new MixupMethod({ alpha: 1 }) }]);
      return trained({ task: "classification", microBatch, methods });
    };
    const whole = await mixed(0);
    const parted = await mixed(4);
    assert.ok(difference(parted.weights, whole.weights) < 2e-6);
    assert.ok(difference(parted.losses, whole.losses) < 2e-6);
    const plain = await trained({ task: "classification", microBatch: 0 });
    assert.ok(difference(whole.weights, plain.weights) > 1e-3);
  });
});
