import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { readSafetensors, setNumThreads } from "@pea/torch";
import { exportRun } from "../../../src/export/export.ts";
import { readOnnx } from "../../../src/export/onnx/decode.ts";
import { QuantizeMethod, type QuantizeOptions } from "../../../src/methods/index.ts";
import { readMetrics } from "../../../src/run/metrics.ts";
import type { TrainResult } from "../../../src/run/result.ts";
import { train } from "../../../src/train/train.ts";
import { fitContext } from "../../support/fit-context.ts";
import { peaHere } from "../../support/pea-main.ts";
import { fingerprint, trainInParts } from "../../support/run-in-parts.ts";
import { temporaryFolder, writeTinyData } from "../../support/tiny-data.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);
const settings: QuantizeOptions = {
  weights: "per channel",
  activations: "int8",
  scales: "asymmetric",
  ranges: "tracked",
  momentum: 0.01,
};

function fitted(options: Partial<QuantizeOptions> = {}, context: Parameters<typeof fitContext>[0] = {}) {
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
      usage(/begins at step 60, but the phase "final" at step 100/),
    );
    assert.throws(() => fitted({ start: "100%" }), usage(/no step is left/));
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
  test("and is not gone on with under other settings", () => {
    const saved = fitted({ activations: "uint8" }).state();
    assert.throws(() => fitted().load(saved), usage(/activations \(saved uint8, now int8\)/));
  });
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
    const { integers } = await exportRun(runDirectory, {
      target: "onnx-int8",
      activations: "int8",
      maxLoss: 100,
    });
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
    const { integers } = await exportRun(runDirectory, {
      target: "onnx-int8",
      calibration: "minmax",
      calibrationImages: 64,
      maxLoss: 100,
    });
    assert.equal(integers?.calibration.method, "minmax");
  });

  test("is calibrated for other steps than it trained with, which is said", async () => {
    const { integers, verified } = await exportRun(runDirectory, {
      target: "onnx-int8",
      perTensor: true,
      calibrationImages: 64,
      maxLoss: 100,
    });
    const trainedFor = { activations: "int8", scales: "asymmetric", weights: "per channel" };
    assert.deepEqual(integers?.calibration, { images: 64, method: "minmax", trainedFor });
    assert.match(
      verified.join("\n"),
      /weights per tensor; ranges of 64 training images \(minmax\), since it trained with int8 activations, asymmetric; weights per channel/,
    );
  });
});

/** What the last checkpoint has of the methods. */
function savedMethods(runDirectory: string): Record<string, string>[] {
  const { metadata } = readSafetensors(join(runDirectory, "checkpoints", "last.safetensors"));
  return JSON.parse(metadata.state ?? "").methods;
}

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
