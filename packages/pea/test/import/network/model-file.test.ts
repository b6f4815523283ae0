import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import {
  AdaptiveAvgPool2d,
  abs,
  Conv2d,
  Flatten,
  Linear,
  manualSeed,
  noGrad,
  ReLU,
  randn,
  Sequential,
  sub,
  type Tensor,
} from "@pea/torch";
import onnxProto from "onnx-proto";
import type { BatchLoader } from "../../../src/data/loading/loader.ts";
import { encodeOnnx } from "../../../src/export/onnx/encode.ts";
import { GraphNetwork } from "../../../src/import/network/graph-network.ts";
import { addBatchNorms } from "../../../src/import/onnx/passes/add-batch-norms.ts";
import { createModel } from "../../../src/models/index.ts";
import { settleIdleNorms } from "../../../src/run/batch-norm-statistics.ts";
import { traceNetwork } from "../../../src/trace/trace.ts";
import { peaHere } from "../../support/pea-main.ts";
import { fingerprint, trainInParts } from "../../support/run-in-parts.ts";
import { temporaryFolder, writeTinyData } from "../../support/tiny-data.ts";

const { onnx } = onnxProto;
const folder = temporaryFolder();
const file = join(folder, "network.onnx");
const data = writeTinyData();
const run = join(folder, "run");
const settings = ["--data-dir", data, "--epochs", "2", "--batch-size", "32", "--threads", "1", "--seed", "3"];
const train = (...words: string[]) => peaHere("train", "--model", file, ...settings, ...words);

before(() => {
  manualSeed(1);
  const model = createModel("mobilenet-0.25-small", { classes: 5 });
  writeFileSync(file, encodeOnnx(traceNetwork(model, [3, 28, 28]).graph, { producerVersion: "1" }));
});

describe("pea train --model network.onnx:", () => {
  test("trains the file's network with PEA, fitted to the data, and says what is not as in the file", async () => {
    const { code, stderr } = await train("--pea", "SM50%", "--run", run);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /features\.0\.conv\.weight: for 3 channels, summed for the 1 of the data/);
    assert.match(stderr, /head fc\.weight: 5 classes in the file, 10 in the data: drawn anew/);
  });

  test("the run needs the file no more: it is scored, exported and asked without it", async () => {
    const away = join(folder, "away.onnx");
    renameSync(file, away);
    try {
      for (const words of [
        ["eval", run],
        ["export", run],
        ["inspect", run],
      ]) {
        const { code, stderr } = await peaHere(...words);
        assert.equal(code, 0, stderr);
      }
    } finally {
      renameSync(away, file);
    }
  });

  test("what it exports has ReLU alone and is a network to begin with again", async () => {
    const { code, stdout } = await peaHere("inspect", join(run, "model.onnx"), "--json");
    assert.equal(code, 0);
    const { sites, exportObstacle, classes, input } = JSON.parse(stdout);
    assert.deepEqual(
      { sites, exportObstacle, classes, input },
      { sites: 27, exportObstacle: null, classes: 10, input: [1, 28, 28] },
    );
  });

  test("a stopped run goes on bit for bit", async () => {
    const recipe = {
      model: file,
      dataDir: data,
      pea: "SM50%",
      epochs: 2,
      batchSize: 32,
      threads: 1,
      seed: 3,
    };
    const { runDirectory } = await trainInParts(recipe, [2, 7]);
    assert.deepEqual(fingerprint(runDirectory), fingerprint(run));
  });

  test("a file that is not the one the run began with is refused by name", async () => {
    const copy = join(run, "network", "network.onnx");
    const bytes = readFileSync(copy);
    // Another name of the producer.
    appendFileSync(copy, Buffer.from([0x12, 0x01, 0x78]));
    const { code, stderr } = await peaHere("eval", run);
    writeFileSync(copy, bytes);
    assert.equal(code, 2);
    assert.match(stderr, /network\.onnx is no longer the file that the network came from/);
  });

  test("--fresh draws all weights anew", async () => {
    const { code, stderr } = await train("--fresh", "--epochs", "1", "--run", join(folder, "fresh"));
    assert.equal(code, 0, stderr);
    assert.match(stderr, /all weights are drawn anew/);
  });

  test("--add-batch-norm puts batch norm where it is missing; the network computes what it did, in training nearly", async () => {
    const bare = join(folder, "bare.onnx");
    manualSeed(1);
    const conv = new Sequential(
      new Conv2d(1, 8, 3, { stride: 2 }),
      new ReLU(),
      new Conv2d(8, 8, 3, { stride: 2 }),
      new ReLU(),
      new AdaptiveAvgPool2d(1),
      new Flatten(),
      new Linear(8, 10),
    );
    const { graph } = traceNetwork(conv, [1, 28, 28]);
    writeFileSync(bare, encodeOnnx(graph, { producerVersion: "1" }));
    const normalized = new GraphNetwork(addBatchNorms(graph));
    const images = randn([64, 1, 28, 28]);
    const loader = { batches: () => [{ images }] } as unknown as BatchLoader;
    assert.equal(await settleIdleNorms(normalized, loader), 2);
    const differences = [false, true].map((training) => {
      const [a, b] = [conv, normalized].map((net) => noGrad(() => net.train(training).forward(images)));
      return Math.max(...(abs(sub(a as Tensor, b as Tensor)).toTypedArray() as Float32Array));
    });
    assert.ok((differences[0] as number) < 1e-5 && (differences[1] as number) < 1e-3, `${differences}`);
    assert.equal(await settleIdleNorms(normalized, loader), 0, "what has statistics keeps them");
    const words = ["--model", bare, ...settings, "--epochs", "1", "--run", join(folder, "normalized")];
    const { code, stderr } = await peaHere("train", "--add-batch-norm", ...words);
    assert.equal(code, 0, stderr);
    const { stdout } = await peaHere("inspect", join(folder, "normalized"), "--json");
    assert.match(JSON.parse(stdout).keys.join(), /running_mean.*running_mean/);
  });

  test("a recipe names the file from its own folder", async () => {
    const nested = join(folder, "recipes");
    mkdirSync(nested, { recursive: true });
    writeFileSync(join(nested, "recipe.yaml"), "model: ../network.onnx\n");
    const { code, stderr } = await peaHere(
      "train",
      "--config",
      join(nested, "recipe.yaml"),
      ...settings,
      "--dry-run",
    );
    assert.equal(code, 0, stderr);
  });

  test("a file that leaves the size of images open takes that of the data", async () => {
    manualSeed(1);
    const { graph } = traceNetwork(createModel("mobilenet-0.25-small", { classes: 10 }), [3, 32, 32]);
    const model = onnx.ModelProto.decode(encodeOnnx(graph, { producerVersion: "1" }));
    const [, , ...size] = model.graph?.input?.[0]?.type?.tensorType?.shape?.dim ?? [];
    for (const [i, each] of size.entries()) Object.assign(each, { dimValue: null, dimParam: "hw"[i] });
    const open = join(folder, "open.onnx");
    writeFileSync(open, onnx.ModelProto.encode(model).finish());
    const words = ["--model", open, ...settings, "--epochs", "1", "--run", join(folder, "open")];
    const { code, stderr } = await peaHere("train", ...words);
    assert.equal(code, 0, stderr);
    const { stdout } = await peaHere("inspect", open, "--input", "3x64x48", "--json");
    assert.deepEqual(JSON.parse(stdout).input, [3, 64, 48]);
  });

  test("--fresh is for files", async () => {
    const { code, stderr } = await peaHere("train", "--fresh", ...settings, "--dry-run");
    assert.equal(code, 2);
    assert.match(stderr, /fresh is true, but mobilenet-0\.25-small comes from no ONNX file; leave it out/);
  });

  test("a file that is not there is named", async () => {
    const { code, stderr } = await peaHere("train", "--model", join(folder, "none.onnx"), ...settings);
    assert.equal(code, 2);
    assert.match(stderr, /Cannot read .*none\.onnx/);
  });

  test("overwriting a run deletes its copy of the file", async () => {
    const { code, stderr } = await peaHere(
      "train",
      ...settings,
      "--epochs",
      "1",
      "--run",
      run,
      "--overwrite",
    );
    assert.equal(code, 0, stderr);
    assert.throws(() => readFileSync(join(run, "network", "network.onnx")), /ENOENT/);
    rmSync(run, { recursive: true });
  });
});
