/** Networks of integers as ONNX files: what ONNX Runtime makes of them. */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Constant, Graph, QuantizedGraph } from "@pea/graph";
import {
  AvgPool2d,
  Conv2d,
  type Module,
  manualSeed,
  noGrad,
  ReLU,
  rand,
  randn,
  Sequential,
  scope,
  setNumThreads,
  type Tensor,
} from "@pea/torch";
import sharp from "sharp";
import { exportNetwork, exportRun } from "../../src/export/export.ts";
import { readOnnx } from "../../src/export/onnx/decode.ts";
import { encodeOnnx } from "../../src/export/onnx/encode.ts";
import { openSession } from "../../src/export/onnx/session.ts";
import { runtimeNodes } from "../../src/export/onnx-int8/float-nodes.ts";
import { onnxInt8Target } from "../../src/export/onnx-int8/onnx-int8-target.ts";
import { toQdq } from "../../src/export/onnx-int8/to-qdq.ts";
import { quantizeNetwork } from "../../src/export/quantize-network.ts";
import { createModel } from "../../src/models/index.ts";
import { loadReportRun } from "../../src/report/load-run.ts";
import { openRunDirectory } from "../../src/run/run-directory.ts";
import { networksOfToday } from "../support/networks-of-today.ts";
import { peaHere } from "../support/pea-main.ts";
import { temporaryFolder } from "../support/tiny-data.ts";
import { trainMobilenet } from "../support/trained-mobilenet.ts";

setNumThreads(1);
const folder = temporaryFolder();
const run = join(folder, "run");
const file = join(run, "model-int8.onnx");

before(() => trainMobilenet(run));

/** The command, which passes; its summary. */
async function exported(...words: string[]) {
  const { code, stdout, stderr } = await peaHere("export", run, "--target", "onnx-int8", ...words, "--json");
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

describe("pea export --target onnx-int8", () => {
  for (const words of [
    [],
    ["--per-tensor"],
    ["--activations", "int8"],
    ["--calibration", "percentile"],
    ["--calibration", "mse"],
  ])
    test(`${words.join(" ") || "as it is"}: within half a point of floats, in integers throughout`, async () => {
      const { integers, runtime, operators, quanta } = await exported(...words);
      assert.ok(Math.abs(integers.scores.loss) <= 0.5, JSON.stringify(integers.scores));
      assert.ok(integers.scores.float.top1 > 90, "the network has learned something");
      assert.equal(integers.scores.images, 400);
      assert.deepEqual(runtime.floats, {});
      assert.ok(runtime.all.QLinearConv === 27, JSON.stringify(runtime.all));
      assert.equal(operators.Relu, 27);
      // LiteRT's reference kernels round otherwise than ONNX Runtime's, in most layers by less than a step.
      assert.ok(quanta.mean < 1 && quanta.largest <= 4, JSON.stringify(quanta));
      assert.ok(integers.layers.every(({ decibels }: { decibels: number }) => decibels > 10));
    });

  test("says in lines what it took, what it costs and where most is lost", async () => {
    const { stdout } = await peaHere("export", run, "--target", "onnx-int8", "--calibration-images", "50");
    assert.match(stdout, /model-int8\.onnx: best model/);
    assert.match(
      stdout,
      /top-1 \d+\.\d\d % in floats, \d+\.\d\d % in integers on 400 test images; the same class for/,
    );
    assert.match(
      stdout,
      /uint8 activations, asymmetric; weights per channel; ranges of 50 training images \(minmax\)/,
    );
    assert.match(stdout, /most noise: \d+\.\d dB in [\w.]+ \(\w+\), /);
    assert.match(stdout, /ONNX Runtime computes all of it in integers/);
    assert.match(
      stdout,
      /its answers are \d\.\d\d steps on average and \d at most from the exact integers \(8 images\)/,
    );
  });

  test("scores some of the test images, the same at each call", async () => {
    const [a, b] = [await exported("--images", "20"), await exported("--images", "20")];
    assert.equal(a.integers.scores.images, 20);
    assert.deepEqual(a.integers, b.integers);
  });

  test("keeps ReLU, names every zero point, and puts that behind ReLU at the least integer", async () => {
    await exported();
    const { graph, metadata } = await readOnnx(file);
    const readers = new Map(graph.nodes.flatMap((node) => node.inputs.map((name) => [name, node] as const)));
    const behind = graph.nodes
      .filter(({ operator }) => operator === "Relu")
      .map(({ outputs: [output = ""] }) => readers.get(output));
    assert.equal(behind.length, 27);
    for (const node of behind) {
      assert.equal(node?.operator, "QuantizeLinear");
      assert.deepEqual([...(graph.constants.get(node?.inputs[2] as string)?.data ?? [])], [0]);
    }
    for (const { operator, inputs } of graph.nodes)
      if (operator.endsWith("tizeLinear")) assert.ok(graph.constants.has(inputs[2] as string));
    assert.deepEqual(JSON.parse(metadata.quantization as string).calibration, {
      images: 900,
      method: "minmax",
    });
    assert.ok(metadata.preprocessing && metadata.classes);
  });

  test("takes batch and opset, and pea predict takes the file", async () => {
    await exported("--batch", "1", "--opset", "13");
    const { graph, opset } = await readOnnx(file);
    assert.deepEqual([graph.inputs[0]?.shape, opset], [[1, 1, 28, 28], 13]);
    const image = join(folder, "image.png");
    // The bar of class 3.
    const pixels = Uint8Array.from(
      { length: 784 },
      (_, place) => ((place * 7919) % 97) + (place >= 280 && place < 336 ? 90 : 0),
    );
    await sharp(pixels, { raw: { width: 28, height: 28, channels: 1 } })
      .png()
      .toFile(image);
    const topOf = async (source: string) => {
      const { stdout } = await peaHere("predict", source, image, "--json");
      return JSON.parse(stdout).predictions[0].top[0];
    };
    const [ofFile, ofRun] = [await topOf(file), await topOf(run)];
    assert.deepEqual([ofFile.label, ofRun.label], [3, 3]);
    assert.ok(Math.abs(ofFile.probability - ofRun.probability) < 0.1);
  });

  for (const opset of ["18", "21"])
    test(`is in integers throughout in opset ${opset}, too`, async () => {
      const { runtime, quanta } = await exported("--opset", opset, "--images", "20");
      assert.deepEqual([(await readOnnx(file)).opset, runtime.floats], [Number(opset), {}]);
      assert.ok(quanta.mean < 1 && quanta.largest <= 4, JSON.stringify(quanta));
    });

  test("writes int16 in the opset that has it, and in no earlier one", async () => {
    const { runtime } = await exported("--activations", "int16");
    assert.equal((await readOnnx(file)).opset, 21);
    assert.equal(
      runtime.floats.Conv ?? runtime.floats.FusedConv ?? 0,
      27,
      "which ONNX Runtime computes in floats",
    );
    const { code, stderr } = await peaHere(
      "export",
      run,
      "--target",
      "onnx-int8",
      "--activations",
      "int16",
      "--opset",
      "17",
    );
    assert.deepEqual(
      [code, /opset is 17, but activations of int16 come with opset 21/.test(stderr)],
      [2, true],
      stderr,
    );
  });

  test("is remembered by the run, for its report, and goes when the run does", async () => {
    const { integers } = await exported();
    const [record, ...others] = (await loadReportRun(run)).integers ?? [];
    assert.deepEqual([record?.target, record?.scores, others], ["onnx-int8", integers.scores, []]);
    assert.ok(Object.values(openRunDirectory(run)).includes(join(run, "integers.json")));
    await exportRun(run, { target: "onnx-int8", out: join(folder, "elsewhere.onnx"), activations: "int8" });
    assert.equal((await loadReportRun(run)).integers?.[0]?.scheme.activations, "uint8");
  });

  test("writes nothing where more is lost than may be", async () => {
    const out = join(folder, "lossy.onnx");
    // Whatever is lost, it is more than this.
    const few = { calibrationImages: 8, images: 4 };
    await assert.rejects(exportRun(run, { target: "onnx-int8", out, maxLoss: -100, ...few }), {
      name: "PeaError",
      message:
        /lossy\.onnx is not written, .*: integers lose -?\d+\.\d\d points of top-1 .* on 4 test images, more than the -100 that may be lost: score more of the test images/,
    });
    assert.equal(existsSync(out), false);
  });

  test("refuses what is of integers for floats, and opsets without it", async () => {
    for (const [words, message] of [
      [
        ["--per-tensor"],
        /^pea: perTensor \(--per-tensor\) is of targets that compute in integers, and ONNX computes in floats/,
      ],
      [["--max-loss", "1"], /^pea: maxLoss \(--max-loss\) is of targets/],
      [
        ["--target", "onnx-int8", "--opset", "11"],
        /^pea: opset is 11, but must be one of 13, 14, 15, 16, 17, 18, 19, 20, 21/,
      ],
      [["--target", "onnx-int8", "--max-loss", "little"], /It must be a number, as 0\.5/],
    ] as const) {
      const { code, stderr } = await peaHere("export", run, ...words);
      assert.deepEqual([code, message.test(stderr)], [2, true], stderr);
    }
  });
});

describe("a file is told from one that rounds otherwise", () => {
  const path = join(folder, "wrong.onnx");
  const about = { metadata: {}, producerVersion: "0", opset: 17 };
  let model: Module;
  let inputs: Tensor;
  let graph: QuantizedGraph;
  before(async () => {
    manualSeed(2);
    model = createModel("resnet8");
    inputs = randn([4, 3, 32, 32]);
    for (let step = 0; step < 3; step++) scope(() => noGrad(() => void model.forward(inputs)));
    model.eval();
    const how = { inputShape: [3, 32, 32], images: () => [inputs] };
    ({ graph } = await quantizeNetwork(model, onnxInt8Target, how));
  });
  after(() => model.dispose());
  const verified = (written: Graph) => {
    writeFileSync(path, encodeOnnx(written, about));
    return onnxInt8Target.verify(path, { graph, model, inputs });
  };
  /** With the scale or the zero point of one of the integers' ways back to floats made another. */
  const changed = (name: string, place: 1 | 2, change: (value: number) => number): Graph => {
    const { nodes, constants, ...ends } = toQdq(graph);
    const back = nodes.find(({ operator, path }) => operator === "DequantizeLinear" && path === name);
    const parameter = constants.get(back?.inputs[place] ?? "") as Constant;
    const data = (parameter.data as Float32Array).map(change);
    const inputs = back?.inputs.map((input, i) => (i === place ? "changed" : input)) as string[];
    return {
      ...ends,
      nodes: nodes.map((node) => (node === back ? { ...node, inputs } : node)),
      constants: new Map([...constants, ["changed", { ...parameter, data }]]),
    };
  };
  const layerOf = (place: number) => graph.nodes.filter(({ operator }) => operator === "Conv")[place];

  test("where all is as it should be, and pads are part of the layers behind", async () => {
    const samples = { values: new Float32Array(), shape: [0] };
    writeFileSync(path, (await onnxInt8Target.write(graph, { ...about, samples })) as Uint8Array);
    const { quanta, runtime } = await onnxInt8Target.verify(path, { graph, model, inputs });
    assert.ok(quanta.mean < 2, `${quanta.mean}`);
    assert.deepEqual(runtime.floats, {});
  });
  for (const [what, wrong] of [
    ["weights of another scale", () => changed(layerOf(4)?.inputs[1] ?? "", 1, (scale) => scale * 1.1)],
    ["values of another scale", () => changed(layerOf(3)?.outputs[0] ?? "", 1, (scale) => scale * 1.1)],
    ["values of another zero point", () => changed(layerOf(3)?.outputs[0] ?? "", 2, (zero) => zero + 4)],
  ] as const)
    test(`by ${what}`, async () => {
      await assert.rejects(verified(wrong()), {
        message:
          /^ONNX Runtime is \d+\.\d\d steps from the exact integers on average, where rounding explains \d/,
      });
    });
});

describe("a network in integers", () => {
  /** What stays in floats: ONNX Runtime has no integer form of these, or none between ranges with numbers below 0. */
  const known: Readonly<Record<string, Readonly<Record<string, number>>>> = {
    ShuffleNet: {},
    SqueezeNet: {},
    DenseNet: { FusedConv: 1 },
    "MobileNet-V2 with ReLU": {},
    "MobileNet-V2 with ReLU6": {},
    "U-Net": { FusedConv: 1, ConvTranspose: 1, Resize: 1 },
    DeepLab: { Resize: 2 },
    "a plain list of blocks": {},
  };

  for (const [name, floats] of Object.entries(known))
    test(`${name} stays in floats in ${Object.keys(floats).join(", ") || "nothing"}`, async () => {
      manualSeed(1);
      const model = networksOfToday[name]?.();
      assert.ok(model);
      const inputs = randn([4, 3, 64, 64]);
      for (let step = 0; step < 3; step++) scope(() => noGrad(() => void model.forward(inputs)));
      const path = join(folder, `${name}.onnx`);
      await exportNetwork(model, path, { inputs, trainingImages: inputs, target: "onnx-int8" });
      assert.deepEqual((await runtimeNodes(path)).floats, floats);
    });

  test("averages windows that a rounded size lets reach beyond the image as floats do", async () => {
    manualSeed(1);
    const pool = new AvgPool2d(3, { stride: 2, ceilMode: true });
    const model = new Sequential(new Conv2d(1, 4, 1), new ReLU(), pool);
    const inputs = rand([4, 1, 8, 8]);
    const path = join(folder, "pool.onnx");
    await exportNetwork(model, path, { inputs, trainingImages: inputs, target: "onnx-int8" });
    const session = await openSession(path);
    const { shape, values } = await session.run(inputs.toTypedArray() as Float32Array, [4, 1, 8, 8]);
    session.release();
    assert.deepEqual(shape, [4, 4, 4, 4]);
    const floats = noGrad(() => model.forward(inputs)).toTypedArray() as Float32Array;
    const largest = Math.max(...floats.map((value, i) => Math.abs(value - (values[i] as number))));
    assert.ok(largest < Math.max(...floats) / 50, `${largest}`);
  });

  test("wants training images, and names what has no integer form", async () => {
    const inputs = randn([2, 3, 64, 64]);
    const path = join(folder, "none.onnx");
    const model = createModel("mobilenet-0.02-small", { inputChannels: 3 });
    await assert.rejects(exportNetwork(model, path, { inputs, target: "onnx-int8" }), {
      kind: "usage",
      message: /^ONNX in integers wants training images, .* trainingImages$/,
    });
    const vgg = networksOfToday["VGG with average pooling"]?.();
    assert.ok(vgg);
    await assert.rejects(exportNetwork(vgg, path, { inputs, trainingImages: inputs, target: "onnx-int8" }), {
      message: /^MatMul in 6 has no integer form/,
    });
    assert.equal(existsSync(path), false);
  });
});
