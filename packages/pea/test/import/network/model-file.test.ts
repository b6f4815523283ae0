import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { before, describe, test } from "node:test";
import {
  AdaptiveAvgPool2d,
  abs,
  adaptiveAvgPool2d,
  Conv2d,
  Flatten,
  flatten,
  Linear,
  Module,
  manualSeed,
  matmul,
  noGrad,
  PReLU,
  permute,
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
import { openModelFile, registerModelFile } from "../../../src/import/network/model-file.ts";
import { addBatchNorms } from "../../../src/import/onnx/passes/add-batch-norms.ts";
import { digestOfAll, readModelFile } from "../../../src/import/onnx/read-file.ts";
import { createModel } from "../../../src/models/index.ts";
import { type Recipe, resolveRecipe } from "../../../src/recipe/recipe.ts";
import { formerHashes, recipeHash } from "../../../src/recipe/recipe-identity.ts";
import { settleIdleNorms } from "../../../src/run/batch-norm-statistics.ts";
import { gridOf } from "../../../src/study/grid.ts";
import { readStudy } from "../../../src/study/study-file.ts";
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
    assert.match(stderr, /batch norm is put behind 2 convolutions that had none/);
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

  test("which of several outputs is meant is chosen by name, in a recipe too, and kept with the run", async () => {
    const several = join(folder, "several.onnx");
    const model = onnx.ModelProto.decode(readFileSync(file));
    const hidden = (model.graph?.node ?? []).find(({ opType }) => opType === "Relu")?.output?.[0] ?? "";
    const scores = model.graph?.output?.[0]?.name ?? "";
    model.graph?.output?.push(onnx.ValueInfoProto.create({ name: hidden }));
    writeFileSync(several, onnx.ModelProto.encode(model).finish());
    const unsaid = await peaHere("inspect", several);
    assert.equal(unsaid.code, 2);
    assert.match(
      unsaid.stderr,
      /has 2 outputs: .*; say which one is meant \(--model-output of pea train, modelOutput/,
    );
    const inspected = await peaHere("inspect", several, "--output", scores, "--json");
    assert.equal(JSON.parse(inspected.stdout).classes, 5);
    const recipe = join(folder, "several.yaml");
    const directory = join(folder, "several");
    writeFileSync(recipe, `model: several.onnx\nmodelOutput: ${scores}\nepochs: 1\n`);
    const words = ["--data-dir", data, "--batch-size", "32", "--run", directory];
    for (const command of [
      ["train", "--config", recipe, ...words],
      ["eval", directory],
    ]) {
      const { code, stderr } = await peaHere(...command);
      assert.equal(code, 0, stderr);
    }
  });

  test("a file without a layer that answers in classes is described all the same", async () => {
    manualSeed(1);
    const body = new Sequential(new Conv2d(1, 8, 3, { stride: 2 }), new ReLU());
    const path = join(folder, "body.onnx");
    writeFileSync(path, encodeOnnx(traceNetwork(body, [1, 9, 9]).graph, { producerVersion: "1" }));
    const { code, stdout } = await peaHere("inspect", path);
    assert.equal(code, 0);
    assert.match(stdout, /body\.onnx: input 1×9×9, answers 8×4×4/);
    assert.match(
      stdout,
      /no layer was found at its end whose outputs are classes; its answers come out of Relu/,
    );
    assert.match(stdout, /activation sites {5}1 /);
  });

  test("attention, which multiplies what is computed, is trained; that it cannot be exported is told at once", async () => {
    class Attention extends Module {
      readonly mix = new Conv2d(1, 2, 3, { stride: 4 });
      readonly relu = new ReLU();
      readonly fc = new Linear(2, 10);
      override forward(x: Tensor): Tensor {
        const values = this.relu.forward(this.mix.forward(x));
        const product = matmul(values, permute(values, [0, 1, 3, 2]));
        return this.fc.forward(flatten(adaptiveAvgPool2d(product, 1), { startDim: 1 }));
      }
    }
    manualSeed(1);
    const attention = join(folder, "attention.onnx");
    const { graph } = traceNetwork(new Attention(), [1, 28, 28]);
    writeFileSync(attention, encodeOnnx(graph, { producerVersion: "1" }));
    const reason = "MatMul behind relu multiplies or divides what was computed by what was computed";
    const inspected = await peaHere("inspect", attention);
    assert.match(
      inspected.stdout,
      new RegExp(`export to ONNX +not possible: ${reason}.*smooth activation$`, "m"),
    );
    const directory = join(folder, "attention");
    const words = ["--model", attention, ...settings, "--epochs", "1", "--run", directory];
    const { code, stderr } = await peaHere("train", ...words);
    assert.equal(code, 0, stderr);
    assert.match(stderr, new RegExp(`note: pea export cannot write this network: ${reason}.*epoch 1`, "s"));
    const exported = await peaHere("export", directory);
    assert.equal(exported.code, 1);
    assert.match(exported.stderr, new RegExp(reason));
  });

  test("a file whose activations are no sites has none", async () => {
    const path = join(folder, "clipped.onnx");
    const body = new Sequential(
      new Conv2d(1, 8, 3),
      new PReLU({ numParameters: 8 }),
      new AdaptiveAvgPool2d(1),
      new Flatten(),
    );
    writeFileSync(path, encodeOnnx(traceNetwork(body, [1, 9, 9]).graph, { producerVersion: "1" }));
    const { stdout } = await peaHere("inspect", path);
    assert.match(stdout, /activation sites {5}none$/m);
  });

  test("GELU is named as what it is, and numbers of the network itself stand in its row", async () => {
    const path = join(folder, "gelu.onnx");
    const gamma = { shape: [8, 1, 1], data: new Float32Array(8).fill(2) };
    const { graph } = traceNetwork(new Sequential(new Conv2d(1, 8, 3), new ReLU()), [1, 9, 9]);
    const [relu] = graph.outputs;
    const more = [
      { operator: "Mul", inputs: [relu as string, "half"], outputs: ["h"], attributes: {}, path: "" },
      { operator: "Div", inputs: [relu as string, "root"], outputs: ["d"], attributes: {}, path: "" },
      { operator: "Erf", inputs: ["d"], outputs: ["e"], attributes: {}, path: "" },
      { operator: "Add", inputs: ["e", "one"], outputs: ["s"], attributes: {}, path: "" },
      { operator: "Mul", inputs: ["h", "s"], outputs: ["g"], attributes: {}, path: "" },
      { operator: "Mul", inputs: ["g", "gamma"], outputs: ["y"], attributes: {}, path: "" },
    ];
    const number = (value: number) => ({ shape: [], data: Float32Array.of(value) });
    const constants = new Map([
      ...graph.constants,
      ["half", number(0.5)] as const,
      ["root", number(Math.SQRT2)] as const,
      ["one", number(1)] as const,
      ["gamma", gamma] as const,
    ]);
    const whole = { ...graph, nodes: [...graph.nodes, ...more], outputs: ["y"], constants };
    writeFileSync(path, encodeOnnx(whole, { producerVersion: "1" }));
    const { stdout } = await peaHere("inspect", path);
    assert.match(
      stdout,
      /export to ONNX +not possible: Gelu in gelu is an activation: .*; it has ReLU in the end with PEA/,
    );
    assert.match(stdout, /^\(network\) +FileNetwork +\S+ +8 /m);
  });

  test("its name may end in capitals; a file of another name is told how files are named", async () => {
    const [capitals, other] = [join(folder, "CAPITALS.ONNX"), join(folder, "other.bin")];
    for (const path of [capitals, other]) copyFileSync(file, path);
    assert.equal((await peaHere("inspect", capitals)).code, 0);
    for (const words of [
      ["inspect", other],
      ["train", "--model", other, "--dry-run"],
    ]) {
      const { code, stderr } = await peaHere(...words);
      assert.equal(code, 2);
      assert.match(stderr, /an? ONNX file.* ends in \.onnx/);
    }
  });

  test("pea predict, which reads what pea export wrote, says so of another tool's file", async () => {
    const path = join(import.meta.dirname, "../onnx/files/pads.keep.onnx");
    const { code, stderr } = await peaHere("predict", path, "none.png");
    assert.equal(code, 2);
    assert.match(
      stderr,
      /pads\.keep\.onnx holds .*, which pea export does not write: its own files alone are read here/,
    );
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

describe("the file's digest", () => {
  const digestOf = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
  const plan = async (...words: string[]) => {
    const { code, stdout, stderr } = await peaHere("train", ...settings, ...words, "--dry-run", "--json");
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout).recipe as Recipe;
  };
  const copies = join(folder, "copies");
  const copy = join(copies, "copy.onnx");
  const other = join(copies, "other.onnx");

  before(() => {
    mkdirSync(copies);
    copyFileSync(file, copy);
    copyFileSync(file, other);
    // Another name of the producer.
    appendFileSync(other, Buffer.from([0x12, 0x01, 0x78]));
  });

  test("is part of the recipe, and so of what a run is known by, wherever the file lies", async () => {
    const recipe = await plan("--model", file);
    const moved = await plan("--model", copy);
    const changed = await plan("--model", other);
    assert.equal(recipe.modelDigest, digestOf(file));
    assert.equal(recipeHash(moved), recipeHash(recipe));
    assert.notEqual(recipeHash(changed), recipeHash(recipe));
  });

  test("that a recipe demands must be the file's", async () => {
    const { code, stderr } = await peaHere(
      "train",
      "--model",
      other,
      "--model-digest",
      digestOf(file),
      ...settings,
    );
    assert.equal(code, 2);
    assert.match(stderr, /other\.onnx is not the file of --model-digest [0-9a-f]{64}: it has [0-9a-f]{64}/);
  });

  test("tells a study's runs apart", async () => {
    const study = join(folder, "study.yaml");
    const addresses = [];
    for (const path of [file, copy, other]) {
      writeFileSync(study, `networks: [{name: one, model: ${path}}]\nvariants: [ReLU]\nseeds: [0]\n`);
      addresses.push(...gridOf(await readStudy(study)).map(({ hash }) => hash));
    }
    assert.equal(addresses[1], addresses[0]);
    assert.notEqual(addresses[2], addresses[0]);
  });

  test("of a file with its weights beside it is that of the lines of sha256sum", async () => {
    const path = join(import.meta.dirname, "../onnx/files/resnet.external.onnx");
    const lines = [path, `${path}.data`].map((each) => `${digestOf(each)}  ${basename(each)}\n`);
    const digest = createHash("sha256").update(lines.join("")).digest("hex");
    assert.equal(digestOfAll((await readModelFile(path)).facts), digest);
  });

  test("a run from before it was kept goes on", async () => {
    const recipe = resolveRecipe({ source: "the test", settings: { model: file } });
    const known = { ...recipe, modelDigest: digestOf(file) };
    assert.ok(formerHashes(known).includes(recipeHash(recipe)));
  });
});

describe("a file's network under a name of one's own", () => {
  test("is registered by a module that a recipe imports", async () => {
    const module = join(folder, "wide.ts");
    writeFileSync(
      module,
      `import { registerModelFile } from "pea-train";
       await registerModelFile("wide", new URL("./network.onnx", import.meta.url));`,
    );
    const { code, stdout, stderr } = await peaHere(
      ...["train", "--import", module, "--model", "wide", "--model-options", "fresh=true"],
      ...[...settings, "--dry-run", "--json"],
    );
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).sites, 27);
  });

  test("may be no name that there is", async () => {
    await assert.rejects(registerModelFile("resnet18", file), /a model named resnet18 exists already/);
  });

  test("is imported once, as long as the file is the same", async () => {
    const path = join(folder, "once.onnx");
    copyFileSync(file, path);
    const [first, second] = [await openModelFile("once", { path }), await openModelFile("once", { path })];
    assert.equal(second.graph, first.graph);
    appendFileSync(path, Buffer.from([0x12, 0x01, 0x78]));
    assert.notEqual((await openModelFile("once", { path })).graph, first.graph);
  });
});
