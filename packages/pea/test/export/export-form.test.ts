/** Other forms of the same network: fixed batch, earlier opsets, batch normalization folded. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { inferShapes } from "@pea/graph";
import { manualSeed, noGrad, randn, scope, setNumThreads } from "@pea/torch";
import { exportNetwork } from "../../src/export/export.ts";
import { readOnnx } from "../../src/export/onnx/decode.ts";
import { createModel } from "../../src/models/index.ts";
import { openPredictor } from "../../src/predict/predictor.ts";
import { train } from "../../src/train/train.ts";
import { peaHere } from "../support/pea-main.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

setNumThreads(1);
const folder = temporaryFolder();
const metadata = { network: "n", classes: '["a"]' };

/** Batch norms that fold into a layer; those after a concatenation or a sum are spelled out. */
const networks = [
  { name: "mobilenet-0.1-small", shape: [1, 28, 28], folded: 27, spelledOut: 0 },
  { name: "resnet18-0.1-small", shape: [3, 32, 32], folded: 20, spelledOut: 0 },
  { name: "alexnet-bn-0.02", shape: [3, 224, 224], folded: 7, spelledOut: 0 },
  { name: "erfnet-segmentation-0.2", shape: [3, 32, 64], folded: 36, spelledOut: 3 },
];

for (const { name, shape, folded, spelledOut } of networks)
  test(`${name} for one image, opset 11, without batch norm: verified, its facts kept`, async () => {
    manualSeed(1);
    const model = createModel(name, {
      inputChannels: shape[0],
      classes: 5,
      ...(name.startsWith("erf") && { init: "torch-default" }),
    });
    for (let step = 0; step < 10; step++) scope(() => noGrad(() => void model.forward(randn([4, ...shape]))));
    const file = join(folder, `${name}.onnx`);
    const inputs = randn([5, ...shape]);
    const plain = await exportNetwork(model, file, { inputs, metadata });
    assert.equal(plain.operators.BatchNormalization, folded + spelledOut);
    const form = { batch: 1, opset: 11, foldBatchNorms: true };
    const { operators, images } = await exportNetwork(model, file, { inputs, metadata, ...form });
    const { BatchNormalization: _, ...others } = plain.operators;
    assert.deepEqual(operators, {
      ...others,
      ...(spelledOut > 0 && { Mul: spelledOut, Add: (others.Add ?? 0) + spelledOut }),
    });
    assert.equal(images, 5);
    const written = await readOnnx(file);
    assert.deepEqual([written.opset, written.metadata], [11, metadata]);
    assert.deepEqual(written.graph.inputs, [{ name: "input", shape: [1, ...shape] }]);
    assert.equal(inferShapes(written.graph).get("logits")?.[0], 1);
  });

test("ERFNet that takes images of 32×64 pixels and three colours with channels last is verified", async () => {
  const model = createModel("erfnet-segmentation-0.2", { classes: 5, init: "torch-default" });
  const file = join(folder, "last.onnx");
  await exportNetwork(model, file, { inputs: randn([3, 3, 32, 64]), layout: "nhwc" });
  const { graph } = await readOnnx(file);
  assert.deepEqual(graph.inputs[0]?.shape, ["batch", 32, 64, 3]);
  assert.deepEqual(inferShapes(graph).get("logits"), ["batch", 5, 32, 64]);
});

describe("pea export", () => {
  const run = join(folder, "run");

  test("takes batch, opset and folding, and pea predict takes the file for any number of images", async () => {
    const recipe = {
      model: "mobilenet-0.02-small",
      epochs: 1,
      batchSize: 32,
      threads: 1,
      pea: "none",
    } as const;
    await train({ ...recipe, dataDir: writeTinyData() }, { runDirectory: run });
    const words = ["--batch", "4", "--opset", "12", "--fold-batch-norms", "--json"];
    const { code, stdout, stderr } = await peaHere("export", run, ...words);
    assert.equal(code, 0, stderr);
    const { operators, images, target } = JSON.parse(stdout);
    assert.deepEqual(
      [operators.BatchNormalization, operators.Relu, images, target],
      [undefined, 27, 60, "onnx"],
    );
    const { graph, opset, metadata: facts } = await readOnnx(join(run, "model.onnx"));
    assert.deepEqual([graph.inputs[0]?.shape, opset, facts.alpha], [[4, 1, 28, 28], 12, "1"]);
  });

  test("writes a file that takes images with channels last, and pea predict answers by it as by the other", async () => {
    const last = join(folder, "last.onnx");
    const { code, stderr } = await peaHere("export", run, "--layout", "nhwc", "--batch", "2", "-o", last);
    assert.equal(code, 0, stderr);
    const { graph, metadata: facts } = await readOnnx(last);
    assert.deepEqual([graph.inputs[0]?.shape, facts.layout], [[2, 28, 28, 1], "nhwc"]);
    assert.equal(JSON.parse(facts.preprocessing ?? "").layout, "NHWC");
    const images = randn([3, 1, 28, 28]).toTypedArray() as Float32Array;
    const answers = [];
    for (const file of [last, join(run, "model.onnx")]) {
      const predictor = await openPredictor(file);
      answers.push(Array.from((await predictor.run(images, 3)).values));
      await predictor.close();
    }
    const [one = [], other = []] = answers;
    assert.ok(one.length === 30 && one.every((logit, i) => Math.abs(logit - (other[i] as number)) < 1e-4));
  });

  test("refuses what is no batch and no opset, and a layout where there is none", async () => {
    for (const [words, message] of [
      [["--batch", "0"], /'--batch <N>' argument '0' is invalid\. It must be a whole number of at least 1/],
      [
        ["--opset", "10"],
        /^pea: opset is 10, but must be one of 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21 for ONNX/,
      ],
      [["--opset", "22"], /^pea: opset is 22/],
      [["--layout", "nhwc", "--target", "ncnn"], /^pea: ncnn has no setting layout; leave it out/],
    ] as const) {
      const { code, stderr } = await peaHere("export", run, ...words);
      assert.deepEqual([code, message.test(stderr)], [2, true], stderr);
    }
  });
});
