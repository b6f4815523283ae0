import assert from "node:assert/strict";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  Conv2d,
  full,
  type Module,
  ReLU,
  randn,
  readSafetensors,
  Sequential,
  writeSafetensors,
} from "@pea/torch";
import type { PassingActivation } from "../../src/activations/index.ts";
import { exportNetwork, exportRun } from "../../src/export/export.ts";
import { readOnnx } from "../../src/export/onnx/decode.ts";
import { describeActivations } from "../../src/export/other-activations.ts";
import { applyPea, replaceActivation } from "../../src/methods/index.ts";
import { createModel } from "../../src/models/index.ts";
import type { RecipeInput } from "../../src/recipe/recipe.ts";
import { train } from "../../src/train/train.ts";
import { TrainingInterrupted } from "../../src/train/trainer.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

const dataDir = writeTinyData();
const folder = temporaryFolder();
after(() => {
  for (const path of [dataDir, folder]) rmSync(path, { recursive: true });
});

// 6 steps per epoch; the transition of SM75% ends after 3 of 4 epochs.
const tiny: RecipeInput = {
  model: "mobilenet-0.25-small",
  dataDir,
  epochs: 4,
  batchSize: 32,
  lr: 0.05,
  threads: 1,
};
const path = (name: string) => join(folder, name);

describe("exportRun", () => {
  before(async () => {
    await train({ ...tiny, pea: "none" }, { runDirectory: path("relu") });
    await train({ ...tiny, pea: "SM75%" }, { runDirectory: path("pea") });
  });

  test("writes model.onnx of the best model and says what was verified", async () => {
    const summary = await exportRun(path("pea"));
    assert.equal(summary.file, join(path("pea"), "model.onnx"));
    assert.equal(summary.bytes, readFileSync(summary.file).length);
    assert.equal(summary.checkpoint, "best");
    assert.equal(summary.epoch, 4);
    assert.equal(summary.images, 60);
    assert.ok(summary.largestDifference <= 1e-4);
  });

  test("holds no operator but those of the plain ReLU network", async () => {
    const pea = await exportRun(path("pea"));
    const relu = await exportRun(path("relu"));
    assert.deepEqual(pea.operators, relu.operators);
  });

  test("records network, method, preprocessing, classes and versions", async () => {
    const { file } = await exportRun(path("pea"));
    const { metadata } = await readOnnx(file);
    assert.equal(metadata.network, "mobilenet-0.25-small");
    assert.equal(metadata.method, "SM75%");
    assert.equal(metadata.alpha, "1");
    assert.deepEqual(JSON.parse(metadata.classes ?? ""), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assert.ok(JSON.parse(metadata.versions ?? "").libtorch);
    const { layout, shape, valueRange, mean, std } = JSON.parse(metadata.preprocessing ?? "");
    assert.deepEqual(
      { layout, shape, valueRange },
      { layout: "NCHW", shape: [1, 28, 28], valueRange: [0, 1] },
    );
    assert.ok(mean.length === 1 && std.length === 1 && mean[0] > 0 && std[0] > 0);
  });

  test("writes where it is told to, the model it is told to, and nothing beside", async () => {
    const out = join(folder, "elsewhere", "network.onnx");
    mkdirSync(join(folder, "elsewhere"));
    const summary = await exportRun(path("pea"), { checkpoint: "last", out });
    assert.equal(summary.checkpoint, "last");
    assert.deepEqual(readdirSync(join(folder, "elsewhere")), ["network.onnx"]);
  });

  test("keeps the file that is there when the new one cannot be made", async () => {
    const broken = path("broken");
    mkdirSync(join(broken, "checkpoints"), { recursive: true });
    copyFileSync(join(path("pea"), "config.yaml"), join(broken, "config.yaml"));
    writeFileSync(join(broken, "checkpoints", "best.safetensors"), "damaged");
    writeFileSync(join(broken, "model.onnx"), "the old one");
    await assert.rejects(exportRun(broken));
    assert.equal(readFileSync(join(broken, "model.onnx"), "utf8"), "the old one");
  });

  test("names the file that failed its verification, and leaves nothing of it", async () => {
    const infinite = path("infinite");
    cpSync(path("pea"), infinite, { recursive: true });
    rmSync(join(infinite, "model.onnx"), { force: true });
    const best = join(infinite, "checkpoints", "best.safetensors");
    const { tensors, metadata } = readSafetensors(best);
    tensors.set("fc.bias", full([10], Number.POSITIVE_INFINITY));
    const { sha256: _, ...others } = metadata;
    writeSafetensors(best, tensors, others);
    await assert.rejects(exportRun(infinite), {
      name: "PeaError",
      message: /^.*infinite\/model\.onnx is not written, .*the network's output is not finite/,
    });
    assert.deepEqual(
      readdirSync(infinite).filter((name) => name.startsWith("model.onnx")),
      [],
    );
  });

  test("says so when the file cannot be written", async () => {
    for (const no of [join(folder, "nowhere"), join(path("pea"), "config.yaml")])
      await assert.rejects(exportRun(path("pea"), { out: join(no, "network.onnx") }), {
        name: "PeaError",
        kind: "usage",
        message: `cannot write ${no}/network.onnx: there is no folder ${no}`,
      });
  });

  test("refuses a network whose alpha is below 1 and says when the final phase would start", async () => {
    await interrupt({ ...tiny, pea: "SM75%" }, 8, path("young"));
    await assert.rejects(exportRun(path("young")), {
      kind: "usage",
      message:
        /after step 8 of 24 \(epoch 2\) alpha is 0\.\d+: .* smooth activation, up to step 18\. .* --resume .*young$/,
    });
    assert.equal(existsSync(join(path("young"), "model.onnx")), false);
  });

  test("refuses an upper limit, which is no ReLU network", async () => {
    await interrupt({ ...tiny, activation: "mish" }, 2, path("mish"));
    await assert.rejects(exportRun(path("mish")), { kind: "usage", message: /a run with mish all along/ });
  });

  test("refuses a folder that is not there, and one without a run", async () => {
    const missing = /missing does not exist; give the folder of a run/;
    await assert.rejects(exportRun(path("missing")), { kind: "usage", message: missing });
    mkdirSync(path("empty"));
    await assert.rejects(exportRun(path("empty")), {
      kind: "usage",
      message: /empty is not a run directory/,
    });
  });
});

describe("exportNetwork refuses, and writes nothing for", () => {
  const refused = async (what: RegExp, prepare: (model: Module) => void) => {
    const model = createModel("mobilenet-0.25-small");
    prepare(model);
    const file = path("refused.onnx");
    const inputs = randn([2, 1, 28, 28]);
    await assert.rejects(exportNetwork(model, file, { inputs }), { kind: "usage", message: what });
    assert.equal(existsSync(file), false);
  };

  test("a smooth activation", async () => {
    await refused(
      /^features\.0\.act is Mish: a deployed network has ReLU in its place$/,
      (model) => void replaceActivation(model, "mish"),
    );
  });

  test("an ensemble below alpha 1, and takes one that has become ReLU", async () => {
    const settings = { ensemble: "weighted", smooth: "elu" } as const;
    await refused(/^features\.0\.act is an ensemble with alpha 0\.5: /, (model) => {
      applyPea(model, settings).alpha = 0.5;
    });
    const model = createModel("mobilenet-0.25-small", { inputChannels: 1 });
    applyPea(model, settings).alpha = 1;
    const { operators } = await exportNetwork(model, path("relu.onnx"), { inputs: randn([2, 1, 28, 28]) });
    assert.equal(operators.Relu, 27);
  });
});

test("a method's own module in ReLU's place says itself whether it has come to ReLU", async () => {
  class Fading extends ReLU implements PassingActivation {
    unfinished: string | null = "a tanh by half";
  }
  const fading = new Fading();
  const model = new Sequential(new Conv2d(1, 2, 3), fading);
  const inputs = randn([2, 1, 8, 8]);
  await assert.rejects(exportNetwork(model, path("fading.onnx"), { inputs }), {
    kind: "usage",
    message: "1 is a tanh by half: a deployed network has ReLU in its place",
  });
  fading.unfinished = null;
  const { operators } = await exportNetwork(model, path("faded.onnx"), { inputs });
  assert.deepEqual(operators, { Conv: 1, Relu: 1 });
});

test("ReLU6 and gates are exported, and listed", async () => {
  const six = createModel("mobilenet-0.25-small", { inputChannels: 1, activation: "relu6" });
  const inputs = randn([2, 1, 28, 28]);
  const { otherActivations } = await exportNetwork(six, path("six.onnx"), { inputs });
  assert.equal(otherActivations.length, 27);
  assert.deepEqual(otherActivations[0], { kind: "clip", operator: "Clip", path: "features.0.act" });
  assert.equal(
    describeActivations(otherActivations),
    "Relu is not the only activation; others: 27 clips (Clip in features.0.act, Clip in features.1.dw.act, " +
      "Clip in features.1.pw.act, … and 24 more)",
  );
  const plain = createModel("mobilenet-0.25-small", { inputChannels: 1 });
  const { otherActivations: none } = await exportNetwork(plain, path("plain.onnx"), { inputs });
  assert.deepEqual([none, describeActivations(none)], [[], "Relu is the only activation"]);
});

/** Trains for some steps only. */
async function interrupt(recipe: RecipeInput, steps: number, runDirectory: string): Promise<void> {
  const controller = new AbortController();
  const observe = () => ({ onStep: (step: number) => void (step === steps && controller.abort("enough")) });
  await assert.rejects(
    train(recipe, { runDirectory, signal: controller.signal, observe }),
    TrainingInterrupted,
  );
}
