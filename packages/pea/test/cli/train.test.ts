import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { cpuCapability } from "@pea/kernels";
import { Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential, type Tensor } from "@pea/torch";
import { registerTarget } from "../../src/export/targets.ts";
import { registerModel } from "../../src/models/index.ts";
import { lockRun } from "../../src/run/run-lock.ts";
import { DropoutNetwork } from "../support/dropout-network.ts";
import { fakeVela } from "../support/fake-vela.ts";
import { peaHere } from "../support/pea-main.ts";
import { outcomeOf, pea, startPea } from "../support/pea-process.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

// 220 training images at batch 32: 6 steps per epoch.
const dataDir = writeTinyData();
const small = [
  "--model",
  "mobilenet-0.02-small",
  "--data-dir",
  dataDir,
  "--batch-size",
  "32",
  "--threads",
  "1",
];

describe("pea train that fails on its way", () => {
  it("says what was wrong, and how the run goes on from its last checkpoint", async () => {
    let left = 9;
    class FailingNetwork extends DropoutNetwork {
      override forward(images: Tensor): Tensor {
        if (--left === 0) throw new Error("the ninth batch is one too many");
        return super.forward(images);
      }
    }
    registerModel({
      name: "failing-network",
      description: "fails once",
      inputShape: [1, 28, 28],
      classes: 10,
      create: ({ inputChannels = 1, classes = 10 }) => new FailingNetwork(inputChannels, classes),
    });
    const run = join(temporaryFolder(), "run");
    const settings = [
      "--model",
      "failing-network",
      "--data-dir",
      dataDir,
      "--batch-size",
      "32",
      "--epochs",
      "2",
    ];
    const { code, stderr } = await peaHere(
      "train",
      ...settings,
      "--checkpoint-every-steps",
      "1",
      "--run",
      run,
    );
    assert.equal(code, 1);
    assert.match(stderr, /the ninth batch is one too many/);
    assert.ok(stderr.includes(`go on with: npx pea-train train --resume ${run}\n`), stderr);
    const resumed = await peaHere("train", "--resume", run);
    assert.equal(resumed.code, 0, resumed.stderr);
  });
});

describe("pea train --target", () => {
  it("refuses a network that the target does not take before anything is trained or written", async () => {
    registerModel({
      name: "dilated-pooling",
      description: "with a pooling that TensorFlow Lite has no form for",
      inputShape: [1, 28, 28],
      classes: 10,
      create: ({ inputChannels = 1, classes = 10 }) =>
        new Sequential(
          new Conv2d(inputChannels, 4, 3, { stride: 2 }),
          new ReLU(),
          new MaxPool2d(2, { dilation: 2 }),
          new Flatten(),
          new Linear(4 * 6 * 6, classes),
        ),
    });
    const run = join(temporaryFolder(), "run");
    const words = [
      "train",
      "--model",
      "dilated-pooling",
      "--data-dir",
      dataDir,
      "--batch-size",
      "32",
      "--epochs",
      "1",
      "--run",
      run,
    ];
    for (const more of [[], ["--dry-run"]]) {
      const { code, stderr } = await peaHere(...words, "--target", "tflm", ...more);
      assert.equal(code, 2);
      assert.match(
        stderr,
        /^pea: LiteRT for Microcontrollers does not take this network, so that it is not trained:\n- MaxPool in 2: dilated pooling/,
      );
      assert.equal(existsSync(run), false);
    }
  });

  it("refuses a run that ends in another activation whatever is trained", async () => {
    const words = ["train", ...small, "--activation", "gelu", "--target", "ethos-u55"];
    const run = join(temporaryFolder(), "limit");
    const { code, stderr } = await peaHere(...words, "--run", run);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /nothing would be left for .*Ethos-U55: a run with gelu all along is an upper limit/,
    );
    assert.ok(!existsSync(run));
  });

  it("says of another that the target takes it, and trains the same weights", async () => {
    const weights = [];
    for (const more of [[], ["--target", "onnx-int8"]]) {
      const run = join(temporaryFolder(), "run");
      const { code, stderr } = await peaHere("train", ...small, "--epochs", "1", "--run", run, ...more);
      assert.equal(code, 0, stderr);
      assert.equal(stderr.includes("ONNX in integers takes this network"), more.length > 0);
      weights.push(readFileSync(join(run, "checkpoints", "best.safetensors")));
    }
    assert.deepEqual(weights[0], weights[1]);
  });

  it("tells of a chip what it runs, and its cycles with ReLU and with the activation that is trained with", async () => {
    const { PATH } = process.env;
    const folder = temporaryFolder();
    fakeVela(folder);
    process.env.PATH = `${folder}:/usr/bin:/bin`;
    try {
      for (const [words, rows] of [
        [
          ["--pea", "WM75%"],
          ["ReLU ", "Mish \\(EXP, ADD, LOG, TANH, MUL\\) "],
        ],
        [["--pea", "none"], ["ReLU "]],
      ] as const) {
        const { code, stderr } = await peaHere(
          "train",
          ...small,
          ...words,
          "--dry-run",
          "--target",
          "ethos-u65",
        );
        assert.equal(code, 0, stderr);
        const before = [
          "the Ethos-U65 takes this network",
          "ethos-u65-256 runs every operator, as far as our table tells",
        ];
        const table = `estimated by Vela 9\\.8\\.7 for ethos-u65-256, Some_System, Shared_Sram(?:.|\\n)*${rows.join("(?:.|\\n)*")}`;
        assert.match(stderr, new RegExp(`${before.join("\\n")}\\n(?:.|\\n)*${table}`));
        assert.equal(/HardSwish|GELU/.test(stderr), false, stderr);
      }
    } finally {
      process.env.PATH = PATH;
    }
  });

  it("is kept with the run: pea export takes it, and a resumed run asks it again", async () => {
    let refusal: string | null = null;
    registerTarget({
      ...{ name: "of-today", title: "Mine", file: "network.txt" },
      obstacle: () => refusal,
      write: () => "the network",
      verify: async () => ({}),
      describe: () => ["written"],
    });
    const run = join(temporaryFolder(), "run");
    const words = ["--epochs", "1", "--run", run, "--target", "of-today"];
    assert.equal((await peaHere("train", ...small, ...words)).code, 0);
    const exported = await peaHere("export", run);
    assert.equal(exported.code, 0, exported.stderr);
    assert.match(
      exported.stderr,
      /^target: of-today, which the run was trained for; --target names another$/m,
    );
    assert.equal(readFileSync(join(run, "network.txt"), "utf8"), "the network");
    refusal = "it has changed its mind";
    const resumed = await peaHere("train", "--resume", run);
    assert.equal(resumed.code, 2);
    assert.match(resumed.stderr, /Mine does not take this network.*\n- it has changed its mind/);
  });

  it("rounds as the tool that takes the file does: for ESP-PPQ in powers of two, with one scale for a layer's weights", async () => {
    const planned = (methods: string) =>
      peaHere(
        ...[
          "train",
          ...small,
          "--pea",
          "none",
          "--methods",
          methods,
          "--target",
          "esp32",
          "--dry-run",
          "--json",
        ],
      );
    for (const [methods, start] of [
      ["quantize", undefined],
      ["quantize: 50%, ema", "50%"],
    ] as const) {
      const { stdout } = await planned(methods);
      const [{ quantize }] = JSON.parse(stdout).recipe.methods;
      assert.deepEqual(
        [quantize.activations, quantize.scales, quantize.weights, quantize.start],
        ["int8", "powers of two", "per tensor", start],
      );
    }
    const { code, stderr } = await planned("{quantize: {activations: int16}}");
    assert.deepEqual(
      [code, /quantize has activations int16, but the run's target has int8/.test(stderr)],
      [2, true],
      stderr,
    );
  });

  it("says what a target in floats takes with batch norms folded alone", async () => {
    registerTarget({
      name: "without-norms",
      title: "Mine",
      file: "mine",
      obstacle: ({ nodes }) =>
        nodes.some(({ operator }) => operator === "BatchNormalization") ? "it has no batch norms" : null,
      write: () => "",
      verify: async () => ({}),
      describe: () => [],
    });
    const { code, stderr } = await peaHere("train", ...small, "--dry-run", "--target", "without-norms");
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /Mine takes this network\nwith batch norms as a part of .*: pea export --fold-batch-norms\n/,
    );
  });

  it("knows the target before data are looked for, and is of a new run alone", async () => {
    const unknown = await peaHere("train", "--data-dir", "./nowhere", "--target", "tflmm");
    assert.deepEqual([unknown.code, unknown.stderr], [2, "pea: unknown target tflmm; did you mean tflm?\n"]);
    const resumed = await peaHere("train", "--resume", "./run", "--target", "tflm");
    assert.match(resumed.stderr, /^pea: --resume goes on with the recipe of \.\/run; leave --target out/);
  });
});

describe("pea train --dry-run", () => {
  it("gives steps, phases, alpha and learning rate at their joints, and trains nothing", async () => {
    const run = join(temporaryFolder(), "run");
    const { code, stdout, stderr } = await peaHere(
      "train",
      ...small,
      "--pea",
      "SM75%",
      "--pea-initial",
      "1ep",
      "--epochs",
      "10",
      "--warmup",
      "1ep",
      "--lr",
      "0.2",
      "--run",
      run,
      "--dry-run",
      "--json",
    );
    assert.equal(code, 0);
    const plan = JSON.parse(stdout);
    assert.deepEqual(plan.images, { train: 220, validation: 20, test: 60 });
    assert.deepEqual([plan.epochs, plan.stepsPerEpoch, plan.steps], [10, 6, 60]);
    assert.equal(plan.sites, 27);
    assert.deepEqual(
      plan.phases.map(({ name, steps }: { name: string; steps: number }) => [name, steps]),
      [
        ["initial", 6],
        ["transition", 39],
        ["final", 15],
      ],
    );
    type Joint = { step: number; phase: string; scalars: { alpha: number }; learningRate: number };
    const joints = new Map<number, Joint>(plan.joints.map((joint: Joint) => [joint.step, joint]));
    assert.deepEqual([...joints.keys()], [0, 6, 45, 59]);
    assert.deepEqual([joints.get(0)?.learningRate, joints.get(0)?.scalars.alpha], [0, 0]);
    assert.deepEqual([joints.get(6)?.learningRate, joints.get(6)?.scalars.alpha], [0.2, 0]);
    assert.deepEqual([joints.get(45)?.phase, joints.get(45)?.scalars.alpha], ["final", 1]);
    assert.ok(plan.peakMemory >= process.memoryUsage.rss() / 2, `${plan.peakMemory}`);
    assert.match(stderr, /doing some steps to see what memory they take/);
    assert.equal(existsSync(run), false);
  });

  it("refuses a folder that the run itself would be refused, before anything is opened, and leaves it as it is", async () => {
    const folder = temporaryFolder();
    const at = (name: string) => join(folder, name);
    for (const name of ["run", "notes", "busy"]) mkdirSync(at(name));
    for (const name of ["run", "busy"]) writeFileSync(at(`${name}/config.yaml`), "config: {}\n");
    writeFileSync(at("notes/todo.txt"), "");
    writeFileSync(at("file"), "");
    const lock = lockRun(at("busy"));
    const before = readdirSync(folder, { recursive: true }).sort();
    try {
      for (const [name, problem] of [
        ["run", "already holds a run; go on with it with --resume, or delete it with --overwrite"],
        [
          "notes",
          "is not empty and not a run directory (it holds todo.txt); give the run a directory of its own",
        ],
        ["file", "is a file, not a directory; give the run a directory of its own"],
        [
          "busy",
          `is in use by process ${process.pid}: wait for its end or stop it; if that process is no training run, delete ${at("busy")}/lock`,
        ],
      ] as const) {
        const { code, stderr } = await peaHere("train", ...small, "--run", at(name), "--dry-run");
        assert.deepEqual([code, stderr], [2, `pea: ${at(name)} ${problem}\n`]);
      }
      const { code } = await peaHere("train", ...small, "--run", at("run"), "--overwrite", "--dry-run");
      assert.equal(code, 0);
      assert.deepEqual(readdirSync(folder, { recursive: true }).sort(), before);
    } finally {
      lock.release();
    }
  });

  it("shows the turns of a step-wise learning rate", async () => {
    const flags = [
      "--lr-schedule",
      "step",
      "--lr-steps",
      "1ep,75%",
      "--lr",
      "0.4",
      "--warmup",
      "0",
      "--epochs",
      "2",
    ];
    const { stdout } = await peaHere("train", ...small, ...flags, "--dry-run");
    assert.match(stdout, /^ {3}0 +1 +training +0\.4$/m);
    assert.match(stdout, /^ {3}7 +2 +training +0\.04$/m);
    assert.match(stdout, /^ {2}10 +2 +training +0\.004$/m);
  });
});

describe("pea train", () => {
  it("refuses flags of PEA's settings where it trains without PEA, which files may hold for their variants", async () => {
    for (const [flag, value, shown] of [
      ["--pea-masks", "channel", '"channel"'],
      ["--pea-initial", "2ep", '"2ep"'],
      ["--pea-beta", "2", "2"],
    ] as const) {
      const { code, stderr } = await peaHere("train", ...small, flag, value);
      const told = `pea: ${flag} is ${shown}, but does nothing where pea is "none"; leave ${flag} out, or give --pea a variant's code, such as SM75%\n`;
      assert.deepEqual([code, stderr], [2, told]);
    }
    const smooth = await peaHere("train", ...small, "--activation", "gelu", "--pea-beta", "2");
    assert.match(
      smooth.stderr,
      /--pea-beta is 2, but does nothing where pea is "none"; leave --pea-beta out\n$/,
    );
    const off = await peaHere("train", ...small, "--no-pea-search", "--dry-run");
    assert.equal(off.code, 0, off.stderr);
    const recipe = join(temporaryFolder(), "recipe.yaml");
    writeFileSync(recipe, "peaMasks: channel\n");
    const { code, stderr } = await peaHere("train", ...small, "-c", recipe, "--dry-run");
    assert.equal(code, 0, stderr);
    const given = await peaHere("train", ...small, "-c", recipe, "--pea", "SG9", "--dry-run");
    assert.equal(given.code, 0, given.stderr);
  });

  it("tells that a folder is taken before it opens the data", async () => {
    const run = temporaryFolder();
    writeFileSync(join(run, "config.yaml"), "config: {}\n");
    const { code, stderr } = await peaHere("train", "--data-dir", "/nowhere", "--run", run);
    assert.deepEqual(
      [code, /already holds a run; go on with it with --resume/.test(stderr)],
      [2, true],
      stderr,
    );
  });

  it("trains from a recipe with flags over it, keeps one JSON document on stdout and the rest on stderr", async () => {
    const folder = temporaryFolder();
    const recipe = join(folder, "recipe.yaml");
    writeFileSync(recipe, "pea: WG50%\nepochs: 9\nlr: 0.05\nl2: { coef: 1.0e-4, form: half }\n");
    const run = join(folder, "run");
    const { code, stdout, stderr } = await pea(
      "train",
      "-c",
      recipe,
      ...small,
      "--epochs",
      "2",
      "--run",
      run,
      "--json",
    );
    assert.equal(code, 0, stderr);
    const result = JSON.parse(stdout);
    assert.deepEqual([result.recipe.epochs, result.recipe.lr, result.recipe.l2.form], [2, 0.05, "half"]);
    assert.equal(result.best.epoch, 2);
    assert.match(stderr, /^epoch 1\/2 .*deployed .*$/m);
    for (const name of ["config.yaml", "metrics.jsonl", "summary.csv", "checkpoints/best.safetensors"])
      assert.ok(existsSync(join(run, name)), name);

    const evaluated = await peaHere("eval", run, "--json");
    assert.deepEqual(JSON.parse(evaluated.stdout).scores.current, result.best.test);
    assert.deepEqual([JSON.parse(evaluated.stdout).step, readdirSync(run).includes("lock")], [12, false]);

    for (const [words, expected] of [
      [["eval", run, "--data-dir", folder], `Fashion-MNIST is not in ${folder}`],
      [["export", run, "--data-dir", folder], `Fashion-MNIST is not in ${folder}`],
      [["train", "--resume", run, "--data-dir", folder], `Fashion-MNIST is not in ${folder}`],
    ] as const) {
      const moved = await peaHere(...words);
      assert.equal(moved.code, 2);
      assert.ok(moved.stderr.includes(expected), moved.stderr);
    }
  });

  it("ends with 130 at SIGINT and with 143 at SIGTERM, and goes on from there", async () => {
    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
    ] as const) {
      const run = join(temporaryFolder(), "run");
      // Long enough for the signal to come before the end, however slow this process is to send it.
      const child = startPea("train", ...small, "--epochs", "20", "--run", run);
      child.stderr?.on("data", (text: Buffer) => String(text).startsWith("run: ") && child.kill(signal));
      const stopped = await outcomeOf(child);
      assert.equal(stopped.code, code, stopped.stderr);
      assert.match(stopped.stderr, /a checkpoint is written; go on with: npx pea-train train --resume/);
      const resumed = await peaHere("train", "--resume", run, "--json");
      assert.equal(resumed.code, 0, resumed.stderr);
      assert.equal(JSON.parse(resumed.stdout).steps, 120);
    }
  });
});

describe("a user's mistake", () => {
  const mistakes: [words: string[], message: RegExp][] = [
    [["trian"], /unknown command 'trian'[\s\S]*train/],
    [["train", "--epoch", "3"], /unknown option '--epoch'[\s\S]*--epochs/],
    [["train", "--pea", "SM"], /^pea: --pea is "SM", but must be a variant code such as "SM75%"/],
    [
      ["train", "--pea", "SM75%", "--activation", "mish"],
      /^pea: --activation mish does not go with --pea SM75%.*leave one out/,
    ],
    [["train", "--model", "mobilnet"], /^pea: unknown model mobilnet/],
    [
      ["train", ...small, "--batch-size", "300"],
      /^pea: --batch-size is 300, but there are only 220 training images/,
    ],
    [
      ["train", ...small, "--warmup", "11ep"],
      /^pea: --warmup is 11ep \(66 steps\), but the run has only 60 steps/,
    ],
    [["train", "--device", "cuda"], /^pea: --device is cuda, but this engine finds no GPU/],
    [["train", "--resume", "nowhere"], /^pea: nowhere does not exist; give the folder of a run/],
    [["train", "-c", "missing.yaml"], /^pea: cannot read missing\.yaml/],
    [["eval", "nowhere"], /^pea: nowhere does not exist; give the folder of a run/],
  ];
  for (const [words, message] of mistakes)
    it(`ends with 2 and one message: pea ${words.filter((word) => !small.includes(word)).join(" ")}`, async () => {
      const { code, stderr } = await peaHere(...words);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /^ {4}at /m);
    });

  it("shows its stack with --debug, and is a JSON document with --json", async () => {
    const { code, stdout, stderr } = await peaHere("eval", "nowhere", "--debug", "--json");
    assert.equal(code, 2);
    assert.match(stderr, /^ {4}at /m);
    assert.match(JSON.parse(stdout).error.message, /nowhere does not exist/);
  });
});

describe("a wrong command line with --json", () => {
  for (const [words, message] of [
    [["train", "--epoch", "3", "--json"], /^unknown option '--epoch'/],
    [["eval", "--json"], /^missing required argument 'run'/],
    [["--json"], /^unknown option '--json'/],
  ] as const)
    it(`is a JSON document on stdout: pea ${words.join(" ")}`, async () => {
      const { code, stdout } = await peaHere(...words);
      assert.equal(code, 2);
      assert.match(JSON.parse(stdout).error.message, message);
    });
});

describe("pea doctor where the engine does not load", () => {
  before(() => {
    process.env.LIBTORCH = "/nonexistent";
  });
  after(() => {
    delete process.env.LIBTORCH;
  });

  it("still tells all the rest, and ends with 1", async () => {
    const { code, stdout } = await pea("doctor");
    assert.equal(code, 1);
    assert.match(stdout, /^✗ engine .*\n {17,}LIBTORCH: \/nonexistent has no lib\/libtorch_cpu\.so\n/m);
    for (const name of ["node", "cpu", "images", "environment", "fashion-mnist"])
      assert.match(stdout, new RegExp(`^[✓!] ${name} `, "m"));
  });

  it("is a JSON document with --json", async () => {
    const { code, stdout } = await pea("doctor", "--json");
    const { ok, checks } = JSON.parse(stdout);
    assert.deepEqual([code, ok], [1, false]);
    assert.equal(checks.find(({ name }: { name: string }) => name === "engine").ok, false);
  });

  it("other commands say why, in one message", async () => {
    const { code, stderr } = await pea("models");
    assert.equal(code, 1);
    assert.match(stderr, /^pea: There is no engine .*\n {2}LIBTORCH: \/nonexistent has no lib/);
  });
});

describe("help and facts", () => {
  it("every command shows examples, and has --json", async () => {
    const { stdout: overview } = await peaHere("--help");
    const commands = Array.from(
      overview.matchAll(/^ {2}([a-z]+) \[options\]/gm),
      ([, name]) => name as string,
    );
    for (const command of ["train", "eval", "export", "models", "setup", "doctor"])
      assert.ok(commands.includes(command), command);
    for (const command of commands) {
      const { code, stdout } = await peaHere(command, "--help");
      assert.equal(code, 0);
      assert.match(stdout, /^ {2}--json /m, command);
      assert.match(stdout, new RegExp(`Examples:\\n {2}\\$ pea ${command}`), command);
    }
  });

  it("pea models lists every network with its size", async () => {
    const { stdout } = await peaHere("models", "--json");
    const { models } = JSON.parse(stdout);
    const mobile = models.find(({ name }: { name: string }) => name === "mobilenet-0.25");
    assert.deepEqual([mobile.parameters, mobile.sites], [470_072, 27]);
  });

  it("pea doctor tells engine, threads and data set", async () => {
    const { code, stdout } = await peaHere("doctor", "--json");
    assert.equal(code, 0);
    const checks: { name: string; found: string }[] = JSON.parse(stdout).checks;
    const names = checks.map(({ name }) => name);
    const found = (wanted: string) => checks.find(({ name }) => name === wanted)?.found ?? "";
    assert.match(found("nccl"), /^(built$|not built: \S)/);
    assert.equal(found("kernels"), `fused operators, by ${cpuCapability()}`);
    for (const name of [
      "node",
      "engine",
      "binaries",
      "cpu features",
      "threads",
      "blas",
      "allocator",
      "gpu",
      "kernels",
      "images",
      "fashion-mnist",
    ])
      assert.ok(names.includes(name), name);
  });
});
