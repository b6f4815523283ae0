import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Conv2d, Flatten, Hardswish, Linear, Sequential, Tanh } from "@pea/torch";
import { describeInspection } from "../../src/cli/inspect-target.ts";
import { exportRun } from "../../src/export/export.ts";
import type { TargetInspection } from "../../src/export/inspect-target.ts";
import { encodeOnnx } from "../../src/export/onnx/encode.ts";
import { registerTarget } from "../../src/export/targets.ts";
import { traceNetwork } from "../../src/trace/trace.ts";
import { train } from "../../src/train/train.ts";
import { fakeVela } from "../support/fake-vela.ts";
import "../support/pair-network.ts";
import { peaHere } from "../support/pea-main.ts";
import { pea } from "../support/pea-process.ts";
import { smallRecipe } from "../support/small-recipe.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

interface Shown {
  params: number;
  macs: number;
  sites: number;
  activationElements: number;
  layers: { path: string; type: string; outputShape: number[]; parameters: number; macs: number }[];
  activations: { path: string; kind: string; shape: number[]; elements: number }[];
  keys: string[];
  exportObstacle: string | null;
  target?: TargetInspection;
}

async function inspect(...words: string[]): Promise<Shown> {
  const { code, stdout, stderr } = await peaHere("inspect", ...words, "--json");
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

describe("pea inspect NETWORK --batch N", () => {
  test("tells the memory that training by so many images takes: that of the activations at least", async () => {
    const taken = async (batch: number) => {
      const { code, stdout, stderr } = await pea("inspect", "resnet8", "--batch", `${batch}`, "--json");
      assert.equal(code, 0, stderr);
      const { activationElements, training } = JSON.parse(stdout);
      assert.equal(training.batch, batch);
      return { activationElements, bytes: training.peakMemory };
    };
    const [few, many] = [await taken(2), await taken(402)];
    // Of each activation its convolution's output is kept for the backward pass, whatever else is.
    assert.ok(many.bytes - few.bytes > 400 * 4 * many.activationElements, `${few.bytes}, ${many.bytes}`);
    assert.ok(many.bytes - few.bytes < 400 * 40 * many.activationElements, `${few.bytes}, ${many.bytes}`);
  });

  test("names the network where so many images are too few", async () => {
    const { code, stderr } = await peaHere("inspect", "alexnet-bn", "--batch", "1");
    assert.equal(code, 2, stderr);
    assert.match(
      stderr,
      /^pea: alexnet-bn does not take images of 3×224×224: .* more than one value per channel.*use a larger batch/,
    );
  });

  test("is for images", async () => {
    const { code, stderr } = await peaHere("inspect", "resnet8", "--batch", "0");
    assert.deepEqual(
      [code, /'--batch <N>' argument '0' is invalid. It must be a whole number of at least 1/.test(stderr)],
      [2, true],
      stderr,
    );
  });
});

describe("pea inspect NETWORK", () => {
  test("has the figures of spec networks.md 2 and 5.4", async () => {
    const resnet = await inspect("resnet18");
    assert.deepEqual(
      [resnet.params, resnet.macs, resnet.sites, resnet.activationElements, resnet.keys.length],
      [11_689_512, 1_814_073_344, 17, 2_308_096, 122],
    );
    const erfnet = await inspect("erfnet-segmentation");
    assert.deepEqual(
      [erfnet.params, erfnet.macs, erfnet.sites, erfnet.activationElements, erfnet.keys.length],
      [2_064_191, 6_651_084_800, 73, 29_622_272, 343],
    );
    const count = (wanted: string) => erfnet.activations.filter(({ kind }) => kind === wanted).length;
    assert.deepEqual([count("bn-fed"), count("bare-conv"), count("post-add")], [22, 34, 17]);
  });

  test("has the layers' own figures, which sum up to the network's", async () => {
    const { layers, params, macs, activations, activationElements } = await inspect("erfnet-segmentation");
    assert.equal(sum(layers.map(({ parameters }) => parameters)), params);
    assert.equal(sum(layers.map((layer) => layer.macs)), macs);
    assert.equal(sum(activations.map(({ elements }) => elements)), activationElements);
    const block = (path: string) => layers.filter((layer) => layer.path.startsWith(`${path}.`));
    for (const [path, parameters, blockMacs, output] of [
      ["decoder.layers.0", 73_920, 150_994_944, [64, 64, 128]],
      ["decoder.layers.1", 49_664, 402_653_184, [64, 64, 128]],
      ["decoder.layers.3", 9_264, 75_497_472, [16, 128, 256]],
      ["decoder.layers.5", 3_200, 100_663_296, [16, 128, 256]],
    ] as const) {
      assert.equal(sum(block(path).map((layer) => layer.parameters)), parameters);
      assert.equal(sum(block(path).map((layer) => layer.macs)), blockMacs);
      assert.deepEqual(block(path).at(-1)?.outputShape, output);
    }
  });

  test("takes image size and classes, and any width", async () => {
    const half = await inspect("mobilenet-0.5", "--input", "1x128x96", "--classes", "20");
    assert.deepEqual(half.layers[0]?.outputShape, [16, 64, 48]);
    assert.equal(half.layers[0]?.parameters, 16 * 9);
    assert.deepEqual(half.layers.at(-1), {
      path: "fc",
      type: "Linear",
      outputShape: [20],
      parameters: 512 * 20 + 20,
      macs: 512 * 20,
    });
  });

  test("fits 100 columns for the networks with the longest paths", async () => {
    for (const name of ["erfnet", "erfnet-segmentation"]) {
      const { stdout } = await peaHere("inspect", name);
      for (const line of stdout.split("\n")) assert.ok(line.length <= 100, line);
    }
  });

  test("refuses what is no network, and images it does not take", async () => {
    for (const [words, message] of [
      [["resnet19"], /^pea: unknown model resnet19; did you mean resnet18\?/],
      [
        ["./nowhere"],
        /^pea: \.\/nowhere is no run \(it has no config\.yaml\); give the folder of a run, an ONNX file, whose name ends in .onnx, or a name/,
      ],
      [
        ["resnet18", "--input", "224"],
        /^pea: --input is "224", but must be channels, height and width, e\.g\. 3x224x224/,
      ],
      [
        ["mobilenet", "--input", "3x9000000x9000000"],
        /^pea: mobilenet does not take images of 3×9000000×9000000: /,
      ],
      [
        ["resnet18", "--classes", "many"],
        /'--classes <N>' argument 'many' is invalid\. It must be a whole number/,
      ],
    ] as const) {
      const { code, stderr } = await peaHere("inspect", ...words);
      assert.deepEqual([code, message.test(stderr)], [2, true], stderr);
    }
  });
});

test("pea inspect RUN shows the run's network at the run's data, which need not be there", async () => {
  const run = join(temporaryFolder(), "run");
  const recipe = { model: "mobilenet-0.1-small", epochs: 1, batchSize: 32, threads: 1, pea: "none" } as const;
  await train({ ...recipe, dataDir: writeTinyData() }, { runDirectory: run });
  const { params, keys, layers } = await inspect(run);
  const named = await inspect("mobilenet-0.1-small", "--input", "1x28x28", "--classes", "10");
  assert.deepEqual([params, keys, layers], [named.params, named.keys, named.layers]);
  const { target } = await inspect(run, "--target", "tflm");
  assert.deepEqual([target?.refused, target?.operators.at(-1)?.operator], [[], "Gemm"]);
  writeFileSync(join(run, "checkpoints", "best.safetensors"), "damaged");
  assert.deepEqual((await inspect(run)).layers, layers);
  const { code, stderr } = await peaHere("inspect", run, "--classes", "5");
  assert.deepEqual([code, /leave --input, --classes and --output out/.test(stderr)], [2, true]);
});

test("pea inspect RUN --target asks about the network that the run exports, though its checkpoint has more layers", async () => {
  let asked: Float32Array[] = [];
  registerTarget({
    name: "weights",
    title: "Weights",
    file: "weights",
    obstacle({ nodes, constants }) {
      asked = nodes.flatMap(({ inputs }) =>
        inputs.flatMap((name) => (constants.get(name)?.data as Float32Array | undefined) ?? []),
      );
      return null;
    },
    write: () => "",
    verify: async () => ({}),
    describe: () => [],
  });
  const run = join(temporaryFolder(), "run");
  const settings = {
    model: "pair-network",
    epochs: 1,
    valFraction: 0,
    pea: "none",
    methods: ["reparameterize"],
  };
  await train({ ...smallRecipe, ...settings }, { runDirectory: run });
  await exportRun(run);
  await inspect(join(run, "model.onnx"), "--target", "weights");
  const exported = asked;
  assert.ok(exported.length > 4);
  await inspect(run, "--target", "weights");
  assert.notEqual(asked, exported);
  assert.deepEqual(asked, exported);
});

test("of a form of operators, of which a target does not take all, the table says how many", () => {
  const at = (path: string) => ({ path, operator: "MaxPool", reason: `MaxPool in ${path}: no` });
  const form = { operator: "MaxPool", paths: ["a", "b", "c"] };
  const table = (refused: readonly string[], left: readonly string[]) =>
    describeInspection({
      ...{ target: "mine", title: "Mine", operators: [form], remarks: [], refused: refused.map(at) },
      placement: { device: "mine", remarks: [], onProcessor: left.map(at) },
    }).join("\n");
  assert.match(table([], []), /\nMaxPool .* 3 +taken\n/);
  assert.match(table(["b"], []), /\nMaxPool .* 3 +1 of them refused\n/);
  assert.match(table(["a", "b", "c"], []), /\nMaxPool .* 3 +refused\n/);
  assert.match(table([], ["a", "c"]), /\nMaxPool .* 3 +2 of them on the processor\n/);
});

describe("pea inspect NETWORK --target NAME", () => {
  test("tells in a table which operators it takes, and its cycles with ReLU and others", async () => {
    const vela = fakeVela(temporaryFolder());
    const { code, stdout, stderr } = await peaHere(
      "inspect",
      "resnet8",
      "--target",
      "ethos-u55",
      "--vela",
      vela,
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^resnet8: input 3×32×32, 10 classes\n\nthe Ethos-U55 takes this network\n/);
    assert.match(stdout, /\nConv +3×3 +2×2 +1×1 +Relu +2 +taken\n/);
    assert.match(stdout, /\nethos-u55-128 runs every operator, as far as our table tells\n/);
    assert.match(
      stdout,
      /\nestimated by Vela 9\.8\.7 for ethos-u55-128, Some_System, Shared_Sram,\nwith other/,
    );
    assert.match(stdout, /\nReLU +1000 +1\.00 +5000 +2\.000 +9 of 10\n/);
    assert.match(stdout, /\nGELU +4000 +4\.00 +5000 +2\.000 +12 of 13\n/);
    for (const line of stdout.split("\n")) assert.ok(line.length <= 120, line);
  });

  test("gives no cycles where there is no Vela", async () => {
    const path = process.env.PATH;
    process.env.PATH = temporaryFolder();
    try {
      const { stdout } = await peaHere("inspect", "resnet8", "--target", "ethos-u85");
      assert.match(
        stdout,
        /\nno cycles: there is no command vela; install it with pip install ethos-u-vela, on the PATH or named to pea inspect and pea export with --vela PATH\n$/,
      );
      const { target } = await inspect("resnet8", "--target", "ethos-u85");
      assert.equal(target?.placement?.device, "ethos-u85-256");
      assert.equal(target?.placement?.estimates, undefined);
    } finally {
      process.env.PATH = path;
    }
  });

  test("goes without cycles where a vela that nobody named fails, and says why", async () => {
    const path = process.env.PATH;
    try {
      for (const [vela, why] of [
        [
          { first: "echo 'Error: no memory' >&2; exit 1" },
          "Vela does not compile the network for ethos-u85-256: Error: no memory",
        ],
        [
          { version: "echo 'No module named numpy' >&2; exit 1" },
          "Vela does not tell its version: No module named numpy",
        ],
      ] as const) {
        const folder = temporaryFolder();
        const asked = join(folder, "asked");
        const { version = "echo 9.8.7", ...others } = { version: undefined, ...vela };
        fakeVela(folder, { ...others, version: `echo once >> ${asked}; ${version}` });
        process.env.PATH = `${folder}:${path}`;
        const { target } = await inspect("resnet8", "--target", "ethos-u85");
        assert.deepEqual(target?.refused, []);
        assert.equal(target?.operators[0]?.operator, "Conv");
        assert.deepEqual(target?.placement, {
          device: "ethos-u85-256",
          onProcessor: [],
          remarks: [`no cycles: ${why}`],
        });
        assert.equal(readFileSync(asked, "utf8"), "once\n", "its version is asked once");
      }
    } finally {
      process.env.PATH = path;
    }
  });

  test("ends with code 1, and calls no operator taken, where others are refused", async () => {
    const model = new Sequential(new Conv2d(1, 4, 3), new Tanh(), new Flatten(), new Linear(4 * 10 * 10, 10));
    const file = join(temporaryFolder(), "tanh.onnx");
    writeFileSync(file, encodeOnnx(traceNetwork(model, [1, 12, 12]).graph, { producerVersion: "1" }));
    const { code, stdout } = await peaHere("inspect", file, "--target", "onnx");
    assert.equal(code, 1);
    assert.match(stdout, /\nTanh .* refused\n/);
    assert.match(stdout, /\nConv .* 1 *\n/);
    assert.doesNotMatch(stdout, /taken/);
  });

  test("asks about an ONNX file with ReLU in the place of its smooth activations, and says so", async () => {
    const model = new Sequential(
      new Conv2d(1, 4, 3),
      new Hardswish(),
      new Conv2d(4, 4, 3),
      new Hardswish(),
      new Flatten(),
      new Linear(4 * 8 * 8, 10),
    );
    const file = join(temporaryFolder(), "smooth.onnx");
    writeFileSync(file, encodeOnnx(traceNetwork(model, [1, 12, 12]).graph, { producerVersion: "1" }));
    const { target } = await inspect(file, "--target", "tflm");
    assert.deepEqual(target?.refused, []);
    assert.match(
      target?.remarks[0] ?? "",
      /^with ReLU in the place of its 2 smooth activations, as PEA deploys it \(e\.g\. --pea WO75%\)$/,
    );
    assert.deepEqual(
      target?.operators
        .filter(({ operator }) => operator === "Conv")
        .map(({ activation, paths }) => [activation, paths.length]),
      [["Relu", 2]],
    );
  });

  test("asks a target of one's own, by its file", async () => {
    const module = fileURLToPath(new URL("../../../../examples/own-target/c-header.ts", import.meta.url));
    const { target, exportObstacle } = await inspect("resnet8", "--target", module);
    assert.deepEqual([target?.target, target?.refused, exportObstacle], ["c-header", [], null]);
  });

  test("refuses what belongs to no target, and an unknown one", async () => {
    for (const [words, message] of [
      [["--macs", "128"], /^pea: --macs is of a target: name one with --target/],
      [["--target", "ethos-u56"], /^pea: unknown target ethos-u56; did you mean ethos-u55\?/],
      [["--target", "onnx", "--macs", "128"], /^pea: ONNX has no setting macs; leave it out/],
      [["--target", "ethos-u55", "--vela", "./none"], /^pea: there is no command \.\/none; install it/],
    ] as const) {
      const { code, stderr } = await peaHere("inspect", "resnet8", ...words);
      assert.deepEqual([code, message.test(stderr)], [2, true], stderr);
    }
  });
});
