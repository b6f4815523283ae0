import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Conv1d, ReLU, randn, Sequential, setNumThreads } from "@pea/torch";
import { applyPea, finalize } from "../../src/methods/index.ts";
import { decayGroups, modelInfo } from "../../src/models/index.ts";
import { peaHere } from "../support/pea-main.ts";
import { pea } from "../support/pea-process.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

setNumThreads(1);
const examples = fileURLToPath(new URL("../../../../examples/own-network", import.meta.url));

describe("a network of one's own, from the command", () => {
  const folder = temporaryFolder();
  const run = join(folder, "run");
  const moved = join(folder, "moved", "plain-network.ts");
  const dataDir = writeTinyData();

  test("is trained by a recipe that imports the module beside it", async () => {
    cpSync(join(examples, "plain-network.ts"), join(folder, "plain-network.ts"));
    const recipe = join(folder, "recipe.yaml");
    writeFileSync(
      recipe,
      "import: ./plain-network.ts\nmodel: plain-network\npea: SM75%\nlr: 0.05\nepochs: 4\nbatchSize: 32\nthreads: 1\n",
    );
    const { code, stdout, stderr } = await peaHere(
      ...["train", "-c", recipe, "--data-dir", dataDir, "--run", run, "--json"],
    );
    assert.equal(code, 0, stderr);
    assert.deepEqual([JSON.parse(stdout).sites, JSON.parse(stdout).phases.length], [3, 3]);
  });

  test("is scored, exported with ReLU only, asked and shown without naming the module again", async () => {
    for (const words of [["eval"], ["export"], ["inspect"]]) {
      const { code, stderr } = await peaHere(...words, run);
      assert.equal(code, 0, stderr);
    }
    const { stdout } = await peaHere("export", run, "--json");
    assert.deepEqual(JSON.parse(stdout).operators, {
      Conv: 3,
      Flatten: 1,
      Gemm: 1,
      GlobalAveragePool: 1,
      Relu: 3,
    });
  });

  test("is found where the module has moved to", async () => {
    mkdirSync(join(folder, "moved"));
    renameSync(join(folder, "plain-network.ts"), moved);
    // In this process it has been run already.
    const lost = await pea("eval", run);
    assert.deepEqual(
      [lost.code, /there is no module .*plain-network\.ts to import/.test(lost.stderr)],
      [2, true],
    );
    const found = await pea("eval", run, "--import", moved, "--json");
    assert.equal(found.code, 0, found.stderr);
    // A report of a run that has ended builds no network.
    const reported = await pea("report", run);
    assert.equal(reported.code, 0, reported.stderr);
  });

  test('a module of an older run, which knows the toolkit as "pea", is run still', async () => {
    const former = join(folder, "former-name.ts");
    writeFileSync(
      former,
      'import { applyPea } from "pea";\nif (!applyPea) throw new Error("another package");',
    );
    const { code, stderr } = await peaHere("models", "--import", former);
    assert.equal(code, 0, stderr);
  });

  test("one that cannot be exported says so before it is trained, and when it is inspected", async () => {
    const file = join(folder, "gated-network.ts");
    writeFileSync(
      file,
      `import { adaptiveAvgPool2d, Conv2d, flatten, Linear, Module, ReLU, sigmoid } from "@pea/torch";
      import { registerModel } from "pea-train";
      class Gated extends Module {
        conv = new Conv2d(1, 4, 3);
        relu = new ReLU();
        fc = new Linear(4, 10);
        forward(x) {
          const features = sigmoid(this.relu.forward(this.conv.forward(x)));
          return this.fc.forward(flatten(adaptiveAvgPool2d(features, 1), { startDim: 1 }));
        }
      }
      registerModel({ name: "gated", description: "a gate", inputShape: [1, 28, 28], classes: 10, create: () => new Gated() });`,
    );
    const network = ["gated", "--import", file];
    const inspected = await peaHere("inspect", ...network);
    assert.match(
      inspected.stdout,
      /export to ONNX +not possible: Sigmoid behind relu is an activation: .* no smooth activation$/m,
    );
    const { exportObstacle } = JSON.parse((await peaHere("inspect", ...network, "--json")).stdout);
    assert.match(exportObstacle, /^Sigmoid behind relu is an activation/);
    const possible = await peaHere("inspect", "mobilenet-0.25-small");
    assert.match(possible.stdout, /export to ONNX +possible$/m);
    const data = ["--data-dir", dataDir, "--epochs", "1", "--batch-size", "32", "--lr", "0.01"];
    const trained = await peaHere("train", "--model", ...network, ...data, "--run", join(folder, "gated"));
    assert.match(
      trained.stderr,
      /note: pea export cannot write this network: Sigmoid behind relu is an activation/,
    );
  });

  test("one with gates is exported, and inspect says which it has beside ReLU", async () => {
    const file = join(folder, "squeezing-network.ts");
    writeFileSync(
      file,
      `import { adaptiveAvgPool2d, Conv2d, Flatten, LeakyReLU, Linear, Module, mul, ReLU, Sequential, Sigmoid } from "@pea/torch";
      import { registerModel } from "pea-train";
      class Squeezing extends Module {
        conv = new Sequential(new Conv2d(1, 4, 3), new ReLU(), new Conv2d(4, 4, 1), new LeakyReLU());
        gate = new Sequential(new Conv2d(4, 4, 1), new Sigmoid());
        head = new Sequential(new Flatten(), new Linear(4, 10));
        forward(x) {
          const maps = this.conv.forward(x);
          return this.head.forward(adaptiveAvgPool2d(mul(maps, this.gate.forward(adaptiveAvgPool2d(maps, 1))), 1));
        }
      }
      registerModel({ name: "squeezing", description: "a gate", inputShape: [1, 28, 28], classes: 10, create: () => new Squeezing() });`,
    );
    const { stdout } = await peaHere("inspect", "squeezing", "--import", file);
    assert.match(
      stdout,
      /export to ONNX +possible; Relu is not the only activation; others: 1 slope \(LeakyRelu in conv\.3\); 1 gate \(Sigmoid in gate\.1\)$/m,
    );
    const { exportObstacle, otherActivations } = JSON.parse(
      (await peaHere("inspect", "squeezing", "--import", file, "--json")).stdout,
    );
    assert.equal(exportObstacle, null);
    assert.deepEqual(otherActivations, [
      { kind: "slope", operator: "LeakyRelu", path: "conv.3" },
      { kind: "gate", operator: "Sigmoid", path: "gate.1" },
    ]);
    const run = join(folder, "squeezing");
    const data = ["--data-dir", dataDir, "--epochs", "1", "--batch-size", "32", "--lr", "0.01"];
    const trained = await peaHere("train", "--model", "squeezing", "--import", file, ...data, "--run", run);
    assert.doesNotMatch(trained.stderr, /cannot write this network/);
    const exported = await peaHere("export", run);
    assert.equal(exported.code, 0, exported.stderr);
    assert.match(exported.stdout, /^Relu is not the only activation; others: 1 slope .*; 1 gate /m);
  });

  test("a module that cannot be run is named, with the reason", async () => {
    for (const [text, reason] of [
      ["throw new Error('no such luck')", /broken\d\.js: no such luck/],
      [
        "import 'nothing-of-this-name'",
        /broken\d\.js: Cannot find (?:package|module) 'nothing-of-this-name'/,
      ],
    ] as const) {
      const file = join(folder, `broken${text.length % 10}.js`);
      writeFileSync(file, text);
      const { code, stderr } = await peaHere("models", "--import", file);
      assert.deepEqual([code, reason.test(stderr)], [2, true], stderr);
    }
  });
});

test("examples/own-network/train-signals.ts learns, resumes and exports ReLU alone", () => {
  const node = [
    "--conditions=pea-source",
    "--import",
    import.meta.resolve("tsx"),
    join(examples, "train-signals.ts"),
  ];
  const printed = execFileSync(process.execPath, node, {
    cwd: temporaryFolder(),
    encoding: "utf8",
  });
  const [, right] = /^(\d+) of 64 new signals/m.exec(printed) ?? [];
  // One in four by chance.
  assert.ok(Number(right) > 48, printed);
  assert.match(printed, /^signals\.onnx: 2 BatchNormalization, 2 Conv, 2 Gemm, 1 ReduceMean, 3 Relu$/m);
});

describe("1-D convolutions", () => {
  test("count as PyTorch's: parameters, multiplications, decay", () => {
    const model = new Sequential(
      new Conv1d(4, 6, 3, { stride: 2, padding: 1 }),
      new ReLU(),
      new Conv1d(6, 6, 5, { groups: 6 }),
    );
    const { parameters, macs, sites, activationElements } = modelInfo(model, [4, 20]);
    // 10 and then 6 places.
    assert.deepEqual(
      { parameters, macs, sites, activationElements },
      {
        parameters: 6 * 4 * 3 + 6 + 6 * 5 + 6,
        macs: 10 * 6 * 4 * 3 + 6 * 6 * 5,
        sites: 1,
        activationElements: 60,
      },
    );
    const sizes = decayGroups(model).decayed.map(({ numel }) => numel);
    assert.deepEqual(sizes, [6 * 4 * 3], "depthwise kernels do not decay");
    model.dispose();
  });
});

test("PEA at some sites leaves the others ReLU, and finalize puts all back", () => {
  const model = new Sequential(new ReLU(), new ReLU(), new ReLU());
  const handle = applyPea(model, {
    ensemble: "weighted",
    smooth: "gelu",
    seed: 0,
    where: (path) => path !== "1",
  });
  assert.deepEqual(
    handle.sites.map(({ path }) => path),
    ["0", "2"],
  );
  assert.ok(model.getModule("1") instanceof ReLU);
  handle.alpha = 1;
  model.forward(randn([2, 3])).dispose();
  finalize(model);
  for (const path of ["0", "1", "2"]) assert.ok(model.getModule(path) instanceof ReLU);
});
