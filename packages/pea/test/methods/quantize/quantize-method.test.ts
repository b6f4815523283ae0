import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { quantizationOf, type Range, usualScheme } from "@pea/graph";
import {
  BatchNorm1d,
  Conv2d,
  Flatten,
  Linear,
  Mish,
  ReLU,
  readSafetensors,
  Sequential,
  setNumThreads,
} from "@pea/torch";
import { type ExportOptions, exportRun } from "../../../src/export/export.ts";

import { readOnnx } from "../../../src/export/onnx/decode.ts";
import { quantizeNetwork } from "../../../src/export/quantize-network.ts";
import type { IntegerTarget } from "../../../src/export/target.ts";
import { targetNamed } from "../../../src/export/targets.ts";
import { Methods, QuantizeMethod, type QuantizeSettings, SwapMethod } from "../../../src/methods/index.ts";
import { inspectNetwork } from "../../../src/models/index.ts";
import type { Recipe, RecipeInput } from "../../../src/recipe/recipe.ts";
import { readMetrics } from "../../../src/run/metrics.ts";
import type { TrainResult } from "../../../src/run/result.ts";
import { recipeForTarget } from "../../../src/train/recipe-for-target.ts";
import { train } from "../../../src/train/train.ts";
import { fitContext } from "../../support/fit-context.ts";
import { peaHere } from "../../support/pea-main.ts";
import { fingerprint, trainInParts } from "../../support/run-in-parts.ts";
import { readTflite } from "../../support/tflite-reader.ts";
import { temporaryFolder, writeTinyData } from "../../support/tiny-data.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);
const settings: QuantizeSettings = {
  weights: "per channel",
  activations: "int8",
  scales: "asymmetric",
  ranges: "tracked",
  batchNorm: "running",
  momentum: 0.01,
};

function fitted(options: Partial<QuantizeSettings> = {}, context: Parameters<typeof fitContext>[0] = {}) {
  const method = new QuantizeMethod({ ...settings, ...options });
  method.fit(fitContext(context));
  return method;
}

describe("quantization-aware training begins", () => {
  const phases = [
    { name: "transition", firstStep: 0, endStep: 100 },
    { name: "final", firstStep: 100, endStep: 120 },
  ];
  test("at three quarters of a run", () => {
    assert.deepEqual(fitted().phases, [
      { name: "float", firstStep: 0, endStep: 90 },
      { name: "quantized", firstStep: 90, endStep: 120 },
    ]);
  });
  test("with the last phase of the methods before it", () => {
    assert.equal(fitted({}, { phases }).phases.at(-1)?.firstStep, 100);
  });
  test("where it is told to, and not before the network is the one that is deployed", () => {
    assert.equal(fitted({ start: "11ep" }, { phases }).phases.at(-1)?.firstStep, 110);
    assert.throws(
      () => fitted({ start: "50%" }, { phases }),
      usage(/begins at step 60, but the network that is deployed trains from step 100 on; begin later/),
    );
    assert.throws(() => fitted({ start: "100%" }), usage(/no step is left/));
  });
  test("only in a run that trains the network which is deployed", () => {
    assert.equal(fitted({}, { deployableFrom: 110 }).phases.at(-1)?.firstStep, 110);
    const methods = new Methods([
      { name: "swap", hooks: new SwapMethod({ smooth: "swish", at: "100%" }) },
      { name: "quantize", hooks: new QuantizeMethod(settings) },
    ]);
    assert.throws(
      () => methods.fit(fitContext()),
      usage(
        /no step that trains the network which is deployed.*; let them do so earlier.*, or leave quantize out/,
      ),
    );
  });
  test("so that only models of rounded epochs are chosen from", () => {
    const method = fitted();
    assert.equal(method.isCandidate({ firstStep: 80, endStep: 90 }), false);
    assert.equal(method.isCandidate({ firstStep: 90, endStep: 100 }), true);
  });
  test("with a scheme that kernels compute", () => {
    assert.throws(
      () => fitted({ activations: "uint8", scales: "symmetric" }),
      usage(/activations of uint8 are asymmetric, not symmetric/),
    );
    assert.throws(
      () => fitted({ ranges: "learned", scales: "powers of two" }),
      usage(/ranges learned and scales powers of two.*; take ranges tracked, or scales symmetric/),
    );
  });
  test("with a network that has a form in integers, or not at all", () => {
    const { graph } = inspectNetwork(new Sequential(new Conv2d(1, 2, 3), new Mish()), [1, 8, 8]);
    assert.throws(
      () => fitted({}, { graph }),
      usage(/^quantize cannot round this network: .* in 1 has no integer form.*; leave quantize out$/s),
    );
  });
  test("with one whose integers are all of its own values", () => {
    const normed = new Sequential(new Flatten(), new Linear(4, 3), new ReLU(), new BatchNorm1d(3));
    assert.throws(
      () => fitted({}, { graph: inspectNetwork(normed, [1, 2, 2]).graph }),
      usage(/what Mul in 3 computes in integers is no value of it while it trains; leave quantize out/),
    );
  });
  test("with the learning rate of each step, where ranges are learned", () => {
    const method = fitted({ ranges: "learned", start: "0%" });
    method.beforePass(0);
    assert.throws(() => method.afterStep(0), /call learningRate\(rate, 0\) before the step/);
    assert.equal(method.learningRate(0.5, 0), 0.5);
    assert.doesNotThrow(() => method.afterStep(0));
  });
  test("as the run's target wants numbers, unless another wish was told", () => {
    const chosen = (target: string, own: object = {}) => {
      const recipe = { methods: [{ quantize: own }] } as unknown as Recipe;
      return recipeForTarget(recipe, targetNamed(target)).methods[0];
    };
    const at = (scheme: object) => ({ quantize: { ...settings, ...scheme } });
    assert.deepEqual(chosen("tflm"), at({}));
    assert.deepEqual(chosen("onnx-int8"), at({ activations: "uint8" }));
    assert.deepEqual(
      chosen("tflite", { activations: "int16" }),
      at({ activations: "int16", scales: "symmetric" }),
    );
    assert.deepEqual(chosen("tflite", { weights: "per tensor" }), at({ weights: "per tensor" }));
    assert.deepEqual(chosen("onnx", { weights: "per tensor" }), { quantize: { weights: "per tensor" } });
    assert.throws(
      () => chosen("ethos-u55", { scales: "powers of two" }),
      usage(
        /^quantize has scales powers of two, but the run's target has asymmetric; leave scales out, or the target$/,
      ),
    );
    assert.throws(() => chosen("tflm", { activations: "uint8" }), usage(/not in uint8/));
  });
  test("and is not gone on with under other settings", () => {
    const saved = fitted({ activations: "uint8" }).state();
    assert.throws(() => fitted().load(saved), usage(/activations \(saved uint8, now int8\)/));
    const frozen = fitted({ batchNorm: "frozen" }).state();
    assert.throws(() => fitted().load(frozen), usage(/batchNorm \(saved frozen/));
  });
});

test("ranges of a version that called values otherwise are refused, with the way out", async () => {
  const model = new Sequential(new Conv2d(1, 2, 3), new ReLU());
  const ranges = new Map([["input", { min: -1, max: 1 }]]);
  const trained = { scheme: usualScheme({ activations: "uint8" }), ranges };
  const how = { inputShape: [1, 8, 8], images: () => [], trained };
  await assert.rejects(
    quantizeNetwork(model, targetNamed("onnx-int8") as IntegerTarget, how),
    /^PeaError: the run has no range of logits: .* Take ranges from training images: --calibration minmax$/,
  );
});

describe("a run of PEA that ends in rounded numbers", () => {
  const recipe = {
    model: "mobilenet-0.1-small",
    epochs: 4,
    batchSize: 32,
    lr: 0.1,
    threads: 1,
    pea: "SM50%",
    methods: ["quantize", "ema"],
    dataDir: writeTinyData({ train: 640, test: 300 }),
  };
  const runDirectory = join(temporaryFolder(), "run");
  let result: TrainResult;
  before(async () => {
    result = await train(recipe, { runDirectory });
  });
  const exported = (form: ExportOptions) =>
    exportRun(runDirectory, { target: "onnx-int8", maxLoss: 100, ...form });

  test("says its phases, and chooses its best model among the rounded", () => {
    const epochs = readMetrics(join(runDirectory, "metrics.jsonl")).filter(({ kind }) => kind === "epoch");
    assert.deepEqual(
      epochs.map(({ phase }) => phase),
      ["transition, float", "transition, float", "final, quantized", "final, quantized"],
    );
    assert.ok((result.best?.epoch ?? 0) > 2);
  });

  test("goes on bit for bit where it was stopped, before and while numbers are rounded", async () => {
    const resumed = await trainInParts(recipe, [20, 50, 71]);
    assert.deepEqual(fingerprint(resumed.runDirectory), fingerprint(runDirectory));
  });

  test("is exported with the ranges that it trained with", async () => {
    const { integers } = await exported({ activations: "int8" });
    assert.deepEqual(integers?.calibration, { images: 0, method: "trained" });
    const { float, deployed, sameClass } = integers?.scores ?? assert.fail("no scores");
    assert.ok(Number(float.top1) > 50 && sameClass > 90, JSON.stringify([float, deployed, sameClass]));
  });

  test("is scored by pea eval", async () => {
    const { code, stdout, stderr } = await peaHere("eval", runDirectory, "--json");
    assert.equal(code, 0, stderr);
    const [, top1] = /"top1": ?([\d.]+)/.exec(stdout) ?? [];
    assert.ok(Number(top1) > 50, stdout);
  });

  test("is calibrated all the same where that is asked for", async () => {
    const { integers } = await exported({ calibration: "minmax", calibrationImages: 64 });
    assert.equal(integers?.calibration.method, "minmax");
  });

  test("is calibrated for other steps than it trained with, which is said", async () => {
    const { integers, verified } = await exported({ perTensor: true, calibrationImages: 64 });
    const trainedFor = { activations: "int8", scales: "asymmetric", weights: "per channel" };
    assert.deepEqual(integers?.calibration, { images: 64, method: "minmax", isEqualized: true, trainedFor });
    assert.match(
      verified.join("\n"),
      /weights per tensor; ranges of 64 training images \(minmax\), since it trained with int8 activations, asymmetric; weights per channel; channels equalized between layers/,
    );
  });
});

/** What the last checkpoint has of the methods. */
function savedMethods(runDirectory: string): Record<string, string>[] {
  const { metadata } = readSafetensors(join(runDirectory, "checkpoints", "last.safetensors"));
  return JSON.parse(metadata.state ?? "").methods;
}

describe("a run of PEA that ends in rounded, clipped ReLU, for a target", () => {
  const recipe = {
    model: "mobilenet-0.1-small",
    epochs: 2,
    batchSize: 32,
    lr: 0.1,
    threads: 1,
    relu: "relu6",
    pea: "SM50%",
    methods: [{ quantize: { weights: "per tensor" } }],
    dataDir: writeTinyData({ train: 320, test: 100 }),
  } satisfies RecipeInput;
  const runDirectory = join(temporaryFolder(), "run");
  before(() => train(recipe, { runDirectory, target: "tflite" }));

  test("goes on bit for bit, while it glides and while numbers are rounded", async () => {
    const resumed = await trainInParts(recipe, [6, 13], { target: "tflite" });
    assert.deepEqual(fingerprint(resumed.runDirectory), fingerprint(runDirectory));
    assert.deepEqual(savedMethods(resumed.runDirectory), savedMethods(runDirectory));
  });

  test("leaves as the target's integers, with the very scales that it trained with and ReLU6 in its layers", async () => {
    const { file, integers } = await exportRun(runDirectory, {
      target: "tflite",
      perTensor: true,
      checkpoint: "last",
      maxLoss: 100,
    });
    assert.deepEqual(integers?.calibration, { images: 0, method: "trained" });
    const { tensors, operators } = readTflite(new Uint8Array(readFileSync(join(file, "model.tflite"))));
    const layers = operators.filter(({ name }) => name.endsWith("CONV_2D"));
    // Their options end in the fused activation: 3 is RELU6, of all but the classifier.
    const fused = layers.map(({ name, option }) => option(name === "CONV_2D" ? 3 : 4, "byte"));
    assert.deepEqual([...new Set(fused.slice(0, -1))], [3]);
    assert.ok(layers.every(({ inputs: [, weight = -1] }) => tensors[weight]?.scales.length === 1));
    const ranges = JSON.parse(savedMethods(runDirectory).at(-1)?.ranges ?? "") as [string, Range][];
    const written = new Set(tensors.flatMap(({ scales }) => scales));
    assert.ok(ranges.length > 20);
    for (const [name, range] of ranges) {
      const { scales } = quantizationOf(range, usualScheme({ perTensor: true }));
      assert.ok(written.has(scales[0] as number), name);
    }
  });
});

describe("a run whose scales are learned", () => {
  const recipe = {
    model: "mobilenet-0.1-small",
    epochs: 2,
    batchSize: 32,
    lr: 0.1,
    threads: 1,
    methods: [{ quantize: { ranges: "learned", start: "50%" } }],
    dataDir: writeTinyData({ train: 320, test: 100 }),
  };
  const runDirectory = join(temporaryFolder(), "run");
  before(() => train(recipe, { runDirectory }));

  test("goes on bit for bit, before and while they are learned", async () => {
    const resumed = await trainInParts(recipe, [6, 13]);
    assert.deepEqual(fingerprint(resumed.runDirectory), fingerprint(runDirectory));
    assert.deepEqual(savedMethods(resumed.runDirectory), savedMethods(runDirectory));
  });

  test("leaves the mean of its weights, whose statistics are computed anew after its last step", async () => {
    const averaged = { ...recipe, methods: [...recipe.methods, { swa: { start: "50%", reestimate: 1 } }] };
    const { runDirectory: run } = await train(averaged as RecipeInput, {
      runDirectory: join(temporaryFolder(), "run"),
    });
    const own = ["ranges", "velocities"].map((key) => savedMethods(run)[0]?.[key]);
    assert.deepEqual(
      own,
      ["ranges", "velocities"].map((key) => savedMethods(runDirectory)[0]?.[key]),
    );
    assert.notEqual(own[1], "[]");
  });

  test("is exported with the very scales that it has learned", async () => {
    const [{ ranges = "", velocities = "" } = {}] = savedMethods(runDirectory);
    assert.ok((JSON.parse(velocities) as [string, number][]).some(([, velocity]) => velocity !== 0));
    const { file, integers } = await exportRun(runDirectory, {
      target: "onnx-int8",
      activations: "int8",
      checkpoint: "last",
      maxLoss: 100,
    });
    assert.deepEqual(integers?.calibration, { images: 0, method: "trained" });
    const { nodes, constants } = (await readOnnx(file)).graph;
    const rounded = nodes.filter(({ operator }) => operator === "QuantizeLinear");
    const written = new Set(rounded.map(({ inputs: [, scale = ""] }) => constants.get(scale)?.data[0]));
    for (const [name, { min, max }] of JSON.parse(ranges) as [string, { min: number; max: number }][])
      assert.ok(written.has((max - min) / 255), name);
  });
});
