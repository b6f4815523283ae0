import assert from "node:assert/strict";
import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  add,
  copyInPlace,
  Module,
  memoryStats,
  mm,
  mul,
  noGrad,
  ones,
  onForward,
  readSafetensors,
  reshape,
  SGD,
  scope,
  sum,
  type Tensor,
  tensor,
  writeSafetensors,
  zeros,
} from "@pea/torch";
import { Loader } from "../../src/data/loading/loader.ts";
import type { Dataset } from "../../src/data/parts/dataset.ts";
import type { Method, StepSpan } from "../../src/methods/method.ts";
import { Methods } from "../../src/methods/methods.ts";
import type { EpochMetrics } from "../../src/run/training-observer.ts";
import { classification } from "../../src/tasks/classification/classification.ts";
import { Trainer, TrainingInterrupted } from "../../src/train/trainer.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const STEPS_PER_EPOCH = 3;

/** Gives every image the same logits of three classes. */
class ConstantNetwork extends Module {
  readonly logits = this.parameter("logits", zeros([3]));

  override forward(images: Tensor): Tensor {
    const nothing = mul(reshape(sum(images, { dim: [1, 2, 3] }), [-1, 1]), 0);
    return add(nothing, this.logits);
  }

  /** Sets the logits, whatever training did to them. */
  set(logits: readonly number[]): void {
    scope(() => noGrad(() => copyInPlace(this.logits, tensor([...logits]))));
  }
}

/** Ten images: five of class 0, three of class 1, two of class 2. */
const images: Dataset = {
  images: tensor(new Uint8Array(10 * 4).fill(1), { shape: [10, 1, 2, 2] }),
  labels: tensor(BigInt64Array.from([0n, 0n, 0n, 0n, 0n, 1n, 1n, 1n, 2n, 2n])),
  classes: ["a", "b", "c"],
};
const answers = { half: [9, 0, 0], third: [0, 9, 0], fifth: [0, 0, 9] };

/** A method that sets the network's logits before each step and takes epochs from `candidatesFrom` on. */
function scripted(
  network: ConstantNetwork,
  logitsOf: (epoch: number) => readonly number[],
  candidatesFrom = 0,
) {
  const calls: string[] = [];
  const method: Method = {
    view: "deployed",
    beforePass(step) {
      calls.push(`step ${step}`);
      network.set(logitsOf(Math.floor(step / STEPS_PER_EPOCH)));
    },
    show: (deployed) => calls.push(deployed ? "deployed" : "current"),
    deploy: () => calls.push("end"),
    scalars: () => ({ alpha: 0.5 }),
    isCandidate: ({ firstStep }: StepSpan) => firstStep >= candidatesFrom * STEPS_PER_EPOCH,
  };
  return { methods: new Methods([{ name: "scripted", hooks: method }]), calls };
}

function build(options: {
  epochs: number;
  logitsOf: (epoch: number) => readonly number[];
  candidatesFrom?: number;
  selectFromStep?: number;
  hasValidation?: boolean;
  amp?: "none" | "bf16";
}) {
  const {
    epochs,
    logitsOf,
    candidatesFrom,
    selectFromStep = 0,
    hasValidation = true,
    amp = "none",
  } = options;
  const folder = temporaryFolder();
  const files = { last: join(folder, "last.safetensors"), best: join(folder, "best.safetensors") };
  const network = new ConstantNetwork();
  const { methods, calls } = scripted(network, logitsOf, candidatesFrom);
  const totalSteps = epochs * STEPS_PER_EPOCH;
  methods.fit({ model: network, totalSteps, stepsPerEpoch: STEPS_PER_EPOCH, seed: 0, inputShape: [1, 1, 1] });
  const statistics = { mean: [0], std: [1] };
  const epochRows: EpochMetrics[] = [];
  const trainer = new Trainer({
    model: network,
    methods,
    optimizer: new SGD(network.parameters(), { lr: 0 }),
    plan: {
      epochs,
      stepsPerEpoch: STEPS_PER_EPOCH,
      totalSteps,
      selectFromStep,
      learningRate: {
        shape: "constant",
        peak: 0,
        warmupSteps: 0,
        totalSteps,
        boundaries: [],
        gamma: 1,
        boundary: "strict",
      },
    },
    task: classification(images.classes),
    batches: new Loader(images, { batchSize: 3, statistics, training: { seed: 0, flip: false, padding: 0 } }),
    validation: hasValidation ? new Loader(images, { batchSize: 4, statistics }) : null,
    test: null,
    settings: {
      seed: 0,
      batchSize: 3,
      device: "cpu",
      amp,
      labelSmoothing: 0,
      microBatch: 0,
      syncBatchNorm: false,
      clipGradNorm: 0,
      logEverySteps: 3,
      checkpointEverySteps: 0,
      batchNormReestimate: 0,
    },
    files,
    recipeHash: "hash",
  });
  trainer.observe({ onEpoch: (metrics) => epochRows.push(metrics) });
  return { trainer, network, files, calls, epochRows };
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** What the best model answers, as its file has it. */
const bestLogits = (path: string): number[] =>
  Array.from(readSafetensors(path).tensors.get("logits")?.toTypedArray() ?? [], Number);

/** The best model without its loss. */
const place = ({ best }: Trainer) => best && { epoch: best.epoch, step: best.step, score: best.score };

describe("the trainer", () => {
  it("calls the hooks in their order: each step, then the evaluation of each view, then the end", async () => {
    const { trainer, calls } = build({ epochs: 1, logitsOf: () => answers.half });
    await trainer.run();
    assert.deepEqual(calls, ["step 0", "step 1", "step 2", "deployed", "current", "end"]);
  });

  it("scores loss and accuracy over all validation images, the smaller last batch included", async () => {
    const { trainer, epochRows } = build({ epochs: 1, logitsOf: () => answers.third });
    await trainer.run();
    const scores = epochRows[0]?.validation.current;
    assert.ok(scores);
    assert.equal(scores.top1, 30);
    assert.equal(scores.top5, undefined);
    const loss = Math.log(Math.exp(9) + 2) - 0.3 * 9;
    assert.ok(Math.abs(scores.loss - loss) < 1e-5, `${scores.loss} is not ${loss}`);
  });

  it("gives the mean over an epoch's training batches", async () => {
    const { trainer, epochRows } = build({ epochs: 1, logitsOf: () => answers.half });
    await trainer.run();
    // Nine of the ten images are in the epoch's whole batches, so four or five of class 0.
    const top1 = epochRows[0]?.train.top1;
    assert.ok(top1 === (100 * 4) / 9 || top1 === (100 * 5) / 9, `${top1} %`);
  });
});

describe("mixed precision", () => {
  /** A network whose products autocast computes in bfloat16, and their dtypes as they came. */
  function buildProducts(amp: "none" | "bf16") {
    const dtypes: string[] = [];
    const built = build({ epochs: 1, logitsOf: () => answers.half, amp });
    const weight = ones([4, 3]);
    onForward(built.network, (images) => {
      scope(() => dtypes.push(mm(reshape(images, [-1, 4]), weight).dtype));
    });
    return { ...built, dtypes };
  }

  it("is of the training's forward passes alone: weights and evaluation stay float32", async () => {
    const { trainer, network, dtypes } = buildProducts("bf16");
    await trainer.run();
    // Three steps, then three batches of validation in each of two views.
    assert.deepEqual(dtypes, [...Array(3).fill("bfloat16"), ...Array(6).fill("float32")]);
    assert.equal(network.logits.dtype, "float32");
  });

  it("is off unless asked for", async () => {
    const { trainer, dtypes } = buildProducts("none");
    await trainer.run();
    assert.deepEqual(new Set(dtypes), new Set(["float32"]));
  });
});

describe("the best model", () => {
  const logitsOf = (epoch: number) =>
    [answers.half, answers.third, answers.fifth, answers.third][epoch] ?? [];

  it("is the one with the highest validation accuracy", async () => {
    const { trainer, files } = build({ epochs: 4, logitsOf });
    await trainer.run();
    assert.deepEqual(place(trainer), { epoch: 1, step: 3, score: 50 });
    assert.deepEqual(bestLogits(files.best), answers.half);
  });

  it("is among equals the one with the lower validation loss, and among those the later one", async () => {
    // All right on half of the images, the surer the further off on the other half.
    const sure = [2, 1, 1, 3].map((logit) => [logit, 0, 0]);
    const { trainer, files } = build({ epochs: 4, logitsOf: (epoch) => sure[epoch] ?? [] });
    await trainer.run();
    assert.deepEqual(place(trainer), { epoch: 3, step: 9, score: 50 });
    assert.deepEqual(bestLogits(files.best), [1, 0, 0]);
    // Mean of log(e + 2) − the logit of the label.
    const loss = Math.log(Math.E + 2) - 0.5;
    assert.ok(Math.abs((trainer.best?.loss ?? 0) - loss) < 1e-6);
  });

  it("is after a resumption what it would have been without", async () => {
    const sure = [1, 2, 1].map((logit) => [logit, 0, 0]);
    const options = { epochs: 3, logitsOf: (epoch: number) => sure[epoch] ?? [] };
    const first = build(options);
    const stop = new AbortController();
    first.trainer.observe({ onStep: (step) => step === 4 && stop.abort("SIGINT") });
    await assert.rejects(first.trainer.run(stop.signal), TrainingInterrupted);
    const second = build(options);
    copyFileSync(first.files.last, second.files.last);
    second.trainer.resume();
    await second.trainer.run();
    assert.equal(second.trainer.best?.epoch, 3);
  });

  it("stays the first of equals in a run that began before losses were compared", async () => {
    const options = { epochs: 3, logitsOf: () => [1, 0, 0] };
    const first = build(options);
    const stop = new AbortController();
    first.trainer.observe({ onStep: (step) => step === 4 && stop.abort("SIGINT") });
    await assert.rejects(first.trainer.run(stop.signal), TrainingInterrupted);
    const { tensors, metadata } = readSafetensors(first.files.last);
    const { best, ...state } = JSON.parse(metadata.state ?? "");
    assert.deepEqual([best.epoch, best.score], [1, 50]);
    const { loss, ...older } = best;
    const second = build(options);
    writeSafetensors(second.files.last, tensors, { state: JSON.stringify({ ...state, best: older }) });
    second.trainer.resume();
    await second.trainer.run();
    assert.deepEqual(second.trainer.best, { epoch: 1, step: 3, score: 50, loss: null });
  });

  it("lies among the method's candidates, however good others are", async () => {
    const { trainer, files, epochRows } = build({ epochs: 4, logitsOf, candidatesFrom: 2 });
    await trainer.run();
    assert.deepEqual(
      epochRows.map((row) => row.candidate),
      [false, false, true, true],
    );
    assert.deepEqual(place(trainer), { epoch: 4, step: 12, score: 30 });
    assert.deepEqual(bestLogits(files.best), answers.third);
  });

  it("lies in the window of selectFrom, which an epoch must be in with all its steps", async () => {
    const { trainer } = build({ epochs: 4, logitsOf, selectFromStep: 4 });
    await trainer.run();
    assert.equal(trainer.best?.epoch, 4);
  });

  it("is none where no epoch is a candidate", async () => {
    const { trainer, files } = build({ epochs: 2, logitsOf, candidatesFrom: 9 });
    await trainer.run();
    assert.equal(trainer.best, null);
    assert.equal(existsSync(files.best), false);
  });
});

describe("a run without validation images", () => {
  it("has no best model, and evaluates nothing on the way", async () => {
    const { trainer, calls, epochRows } = build({
      epochs: 2,
      logitsOf: () => answers.half,
      hasValidation: false,
    });
    await trainer.run();
    assert.equal(trainer.best, null);
    assert.deepEqual(epochRows[0]?.validation, {});
    assert.ok(!calls.includes("current"));
  });
});

describe("a loss that is no finite number", () => {
  it("says that no checkpoint was written where it ends the run before the first", async () => {
    const { trainer, files } = build({ epochs: 1, logitsOf: () => [Number.NaN, 0, 0] });
    await assert.rejects(trainer.run(), {
      name: "TrainingDiverged",
      message: /loss became NaN at or before step 3; no checkpoint was written before\. Lower lr/,
    });
    assert.equal(existsSync(files.last), false);
  });

  it("ends the run with the step and a way out, and leaves the last good checkpoint", async () => {
    const { trainer, files } = build({
      epochs: 3,
      logitsOf: (epoch) => (epoch < 1 ? answers.half : [Number.NaN, 0, 0]),
    });
    await assert.rejects(trainer.run(), {
      message: /training loss became NaN at or before step 6; the checkpoint of step 3 is kept.*Lower lr/,
    });
    const state = JSON.parse(readSafetensors(files.last).metadata.state ?? "");
    assert.equal(state.step, 3);
    assert.deepEqual(bestLogits(files.last), answers.half);
  });

  it("ends the run too where only the validation images show it, and names no best model", async () => {
    const { trainer, network, files } = build({ epochs: 2, logitsOf: () => answers.half });
    // As running statistics do that have become infinite: evaluation alone reads them.
    const train = network.train.bind(network);
    network.train = (on) => {
      if (on === false && trainer.step > 3) network.set([Number.POSITIVE_INFINITY, 0, 0]);
      return train(on);
    };
    await assert.rejects(trainer.run(), {
      name: "TrainingDiverged",
      message: /validation loss became NaN at or before step 6/,
    });
    assert.deepEqual(place(trainer), { epoch: 1, step: 3, score: 50 });
    assert.deepEqual(bestLogits(files.best), answers.half);
    assert.equal(JSON.parse(readSafetensors(files.last).metadata.state ?? "").step, 3);
  });
});

describe("the times of an epoch that was stopped", () => {
  it("cover its steps before the stop, as its images do", async () => {
    const first = build({ epochs: 1, logitsOf: () => answers.half });
    const stop = new AbortController();
    first.trainer.observe({ onStep: (step) => step === 2 && stop.abort("SIGINT") });
    await assert.rejects(first.trainer.run(stop.signal), TrainingInterrupted);
    const second = build({ epochs: 1, logitsOf: () => answers.half });
    copyFileSync(first.files.last, second.files.last);
    second.trainer.resume();
    const before = second.trainer.seconds;
    await second.trainer.run();
    const [row] = second.epochRows as [EpochMetrics];
    assert.ok(before > 0);
    assert.equal(row.seconds, second.trainer.seconds);
    assert.equal(row.imagesPerSecond, 9 / second.trainer.seconds);
  });
});

describe("a stopped run", () => {
  it("finishes its step, writes a checkpoint of it and says where it stands", async () => {
    const { trainer, files } = build({ epochs: 2, logitsOf: () => answers.half });
    const stop = new AbortController();
    trainer.observe({ onStep: (step) => step === 5 && stop.abort("SIGINT") });
    await assert.rejects(trainer.run(stop.signal), (error) => {
      assert.ok(error instanceof TrainingInterrupted);
      assert.deepEqual([error.step, error.reason], [5, "SIGINT"]);
      return true;
    });
    assert.equal(JSON.parse(readSafetensors(files.last).metadata.state ?? "").step, 5);
  });
});

describe("memory", () => {
  it("has as many live tensors after the last step as after the second", async () => {
    const { trainer } = build({ epochs: 5, logitsOf: () => answers.half });
    const live: number[] = [];
    trainer.observe({ onStep: () => live.push(memoryStats().tensors) });
    // What the tests before left behind is collected now, or else at any moment of the run.
    collectGarbage();
    await new Promise(setImmediate);
    await trainer.run();
    assert.equal(live.length, 15);
    assert.equal(live.at(-1), live[1]);
  });
});
