/**
 * Networks of files that PyTorch wrote train as they do there. `PEA_TORCH_PYTHON` is the interpreter of another PyTorch than
 * Debian's: `scripts/onnx-corpus/make` gives that of PyTorch 2, whose every way of export is tried.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  backward,
  crossEntropyLoss,
  type Module,
  readSafetensors,
  SGD,
  scope,
  setNumThreads,
  type Tensor,
  tensor,
} from "@pea/torch";
import { GraphNetwork } from "../../../src/import/network/graph-network.ts";
import { importOnnx } from "../../../src/import/onnx/import-onnx.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";
import { someImages } from "../onnx/run-graph.ts";

/** Of `scripts/onnx-corpus`: PyTorch's keys that are others here. */
const networks: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  resnet: {},
  mobilenet: {},
  "mobilenet-gated": {},
  efficientnet: {},
  activations: {},
  "hand-written": {},
  // A module that is called twice.
  shuffle: {},
  dense: {},
  decoder: {},
  scaling: {},
  convnext: {},
  heads: {},
  // Two modules that share their weights.
  shared: { "tied.weight": "again.weight" },
  attention: {},
  // Windows of an image are images of their own.
  windows: {},
};

/** Networks of torchvision and timm, which are asked where PyTorch 2 is; deep ones, in which the rounding of float32 grows. */
const published = [
  ...["resnet18", "mobilenet_v2", "mobilenet_v3_small", "squeezenet1_1", "shufflenet_v2_x0_5", "mnasnet0_5"],
  ...["regnet_x_400mf", "tf_efficientnet_lite0", "ghostnet_050", "resnest14d", "lcnet_050", "rexnet_100"],
];

/** Height and width of the images of each network. */
const sizes: Readonly<Record<string, number>> = Object.fromEntries([
  ...Object.keys(networks).map((name) => [name, 32]),
  ...(process.env.PEA_TORCH_PYTHON === undefined
    ? []
    : [["taken", 32], ...published.map((name) => [name, 64])]),
]);

/** Of the norm of each tensor: single elements near zero carry the rounding of the large ones. */
const tolerance = { float32: 1e-5, float64: 1e-9 };
/** Of the published ones, in whose depth it grows that a file has 1/6 in float32. */
const publishedTolerance = 1e-7;

setNumThreads(1);
const folder = temporaryFolder();
const script = fileURLToPath(new URL("../../oracle/imported_training.py", import.meta.url));
const words = ["-B", script, JSON.stringify(sizes), folder];
execFileSync(process.env.PEA_TORCH_PYTHON ?? "/usr/bin/python3", words, { stdio: "pipe" });
const files = readdirSync(folder).filter((file) => file.endsWith(".onnx"));

for (const file of files) {
  const [name = ""] = file.split(".");
  const renamed = networks[name] ?? {};
  for (const dtype of published.includes(name) ? (["float64"] as const) : (["float32", "float64"] as const))
    test(`${file}, ${dtype}: three steps of SGD give PyTorch's losses and weights`, async () => {
      const network = new GraphNetwork((await importOnnx(join(folder, file))).graph);
      const allowed = published.includes(name) ? publishedTolerance : tolerance[dtype];
      const losses = trainedLosses(network, dtype, sizes[name] as number);
      const { tensors: expected } = readSafetensors(join(folder, `${name}.${dtype}.safetensors`));
      assertClose("losses", losses, valuesOf(expected.get("losses")), allowed);
      const state = network.stateDict();
      // What a file does not hold.
      const keys = [...expected.keys()].filter((key) => !/^losses$|num_batches_tracked$/.test(key));
      const keysHere = new Set(keys.map((key) => renamed[key] ?? key));
      const own = [...state.keys()].filter((key) => !key.endsWith("num_batches_tracked"));
      assert.deepEqual(own.sort(), [...keysHere].sort());
      for (const key of keys)
        assertClose(key, valuesOf(state.get(renamed[key] ?? key)), valuesOf(expected.get(key)), allowed);
    });
}

/** As in imported_training.py. */
function trainedLosses(network: Module, dtype: "float32" | "float64", size: number): Float64Array {
  network.train().to({ dtype });
  const { data, shape } = someImages([8, 3, size, size]);
  const images = tensor(data, { shape, dtype });
  const optimizer = new SGD(network.parameters(), { lr: 0.01, momentum: 0.9 });
  const losses = [0, 1, 2].map(() =>
    scope(() => {
      const answers = network.forward(images);
      const loss = crossEntropyLoss(answers, classesFor(answers));
      optimizer.zeroGrad();
      backward(loss);
      optimizer.step();
      return loss.item();
    }),
  );
  return Float64Array.from(losses);
}

/** One class after the other, for each image or each pixel. */
function classesFor({ shape: [images = 0, classes = 1, ...pixels] }: Tensor): Tensor {
  const shape = [images, ...pixels];
  const count = shape.reduce((a, b) => a * b, 1);
  return tensor(
    BigInt64Array.from({ length: count }, (_, i) => BigInt(i % classes)),
    { shape },
  );
}

const valuesOf = (of: Tensor | undefined): Float64Array =>
  Float64Array.from((of as Tensor).toTypedArray() as Float32Array);

function assertClose(name: string, actual: Float64Array, expected: Float64Array, allowed: number): void {
  assert.equal(actual.length, expected.length, name);
  const norm = (values: Float64Array) => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));
  const difference = norm(actual.map((value, i) => value - (expected[i] as number)));
  // What a batch norm takes back, as the bias before one, is nothing but rounding.
  const size = Math.max(norm(expected), 1e-2);
  assert.ok(difference <= allowed * size, `${name} differs by ${difference / size}`);
}
