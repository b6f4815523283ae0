import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Graph, smoothToRelu } from "@pea/graph";
import { useKernels } from "@pea/kernels";
import {
  adaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  ELU,
  flatten,
  GELU,
  Hardswish,
  Linear,
  Mish,
  Module,
  manualSeed,
  mul,
  noGrad,
  ReLU,
  SiLU,
  sigmoid,
  type Tensor,
  tensor,
} from "@pea/torch";
import onnxProto from "onnx-proto";
import { encodeOnnx } from "../../src/export/onnx/encode.ts";
import { GraphNetwork } from "../../src/import/network/graph-network.ts";
import { importOnnx } from "../../src/import/onnx/import-onnx.ts";
import { applyPea, finalize } from "../../src/methods/pea/index.ts";
import { traceNetwork } from "../../src/trace/trace.ts";
import { largestDifference, runOnnx, someImages } from "../import/onnx/run-graph.ts";
import { peaHere } from "../support/pea-main.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

useKernels();

/** Convolutions with every smooth activation, a ReLU, and a gate. */
class Smooth extends Module {
  readonly conv1 = new Conv2d(1, 8, 3, { padding: 1 });
  readonly bn = new BatchNorm2d(8);
  readonly silu = new SiLU();
  readonly gelu = new GELU({ approximate: "tanh" });
  readonly tanhGelu = new GELU({ approximate: "tanh" });
  readonly mish = new Mish();
  readonly elu = new ELU();
  readonly relu = new ReLU();
  readonly conv2 = new Conv2d(8, 8, 3, { padding: 1 });
  readonly gate = new Conv2d(8, 8, 1);
  readonly hard = new Hardswish();
  readonly fc = new Linear(8, 10);
  override forward(x: Tensor): Tensor {
    const chain = [
      this.conv1,
      this.bn,
      this.silu,
      this.conv2,
      this.gelu,
      this.tanhGelu,
      this.mish,
      this.elu,
      this.relu,
    ];
    const features = chain.reduce((value, module) => module.forward(value), x);
    const gated = mul(features, sigmoid(this.gate.forward(adaptiveAvgPool2d(features, 1))));
    return this.fc.forward(flatten(adaptiveAvgPool2d(this.hard.forward(gated), 1), { startDim: 1 }));
  }
}

const images = someImages([3, 1, 28, 28]);
const input = tensor(images.data, { shape: images.shape });
/** Of the two by tanh the first is one by erf: libtorch 1.13 traces that one in parts. */
const graphOf = (): Graph => {
  manualSeed(1);
  const { graph } = traceNetwork(new Smooth(), [1, 28, 28]);
  const nodes = graph.nodes.map((node) =>
    node.path === "gelu" ? { ...node, attributes: { approximate: "none" } } : node,
  );
  return { ...graph, nodes };
};
const settings = { ensemble: "weighted", smooth: "own", seed: 1 } as const;
const answers = (network: Module): Float32Array =>
  noGrad(() => network.eval().forward(input)).toTypedArray() as Float32Array;

describe("PEA with the network's own smooth activations:", () => {
  test("its sites are the smooth activations, of every kind; ReLU and gates are none", () => {
    const handle = applyPea(new GraphNetwork(graphOf()), settings);
    assert.deepEqual(
      handle.sites.map(({ path }) => path),
      ["silu", "gelu", "tanhGelu", "mish", "elu", "hard"],
    );
  });

  test("at alpha 0 it is the network that it was, bit for bit", () => {
    const network = new GraphNetwork(graphOf());
    const before = answers(network);
    applyPea(network, settings).alpha = 0;
    assert.deepEqual(answers(network), before);
  });

  test("between, it is the mixture of both, and keys stay", () => {
    const network = new GraphNetwork(graphOf());
    const keys = [...network.stateDict().keys()];
    const handle = applyPea(network, settings);
    assert.deepEqual([...network.stateDict().keys()], keys);
    const site = handle.sites.find(({ path }) => path === "silu")?.module as Module;
    handle.alpha = 0.25;
    const x = tensor([-2, -0.5, 0.5, 2], { dtype: "float32" });
    const silu = (value: number) => value / (1 + Math.exp(-value));
    const expected = [-2, -0.5, 0.5, 2].map((value) => 0.25 * Math.max(value, 0) + 0.75 * silu(value));
    for (const [i, value] of (site.forward(x).toTypedArray() as Float32Array).entries())
      assert.ok(Math.abs(value - (expected[i] as number)) < 1e-6);
  });

  test("at alpha 1 it is the file with Relu in their places, by ONNX Runtime; gates are untouched", async () => {
    const graph = graphOf();
    const network = new GraphNetwork(graph);
    applyPea(network, settings).alpha = 1;
    finalize(network);
    const expected = await runOnnx(encodeOnnx(smoothToRelu(graph), { producerVersion: "1" }), images);
    const actual = { shape: [3, 10], data: answers(network) };
    assert.ok(largestDifference(actual, expected) < 1e-5);
  });

  for (const [name, count] of [
    ["efficientnet.keep.onnx", 5],
    ["mobilenet-gated.new.onnx", 5],
    ["convnext.new.onnx", 1],
  ] as const)
    test(`so it is of ${name}, into whose own nodes Relu is written`, async () => {
      const path = fileURLToPath(new URL(`../import/onnx/files/${name}`, import.meta.url));
      const network = new GraphNetwork((await importOnnx(path)).graph).eval();
      const handle = applyPea(network, settings);
      assert.equal(handle.sites.length, count);
      handle.alpha = 1;
      const few = someImages([2, 3, 32, 32]);
      const actual = noGrad(() => network.forward(tensor(few.data, { shape: few.shape })));
      const values = { shape: actual.shape, data: actual.toTypedArray() as Float32Array };
      assert.ok(largestDifference(values, await runOnnx(withRelu(path, count), few)) < 1e-5);
      assert.ok(largestDifference(values, await runOnnx(path, few)) > 1e-3);
    });

  test("a network without any is refused in a run, with the way out; one with no other is told of it", async () => {
    const [data, folder] = [writeTinyData(), temporaryFolder()];
    const common = ["--data-dir", data, "--epochs", "1", "--batch-size", "32", "--run", join(folder, "run")];
    const relu = await peaHere("train", "--pea", "WO75%", ...common);
    assert.equal(relu.code, 2);
    assert.match(relu.stderr, /which has no smooth activation of its own: name one, e\.g\. pea: "WM75%"/);
  });

  test("pea train --model smooth.onnx --pea WO75% ends in a file whose activations are ReLU and the gate", async () => {
    const [data, folder] = [writeTinyData(), temporaryFolder()];
    const file = join(folder, "smooth.onnx");
    const gelu = graphOf();
    // Opset 17 has none of them but Elu and HardSwish.
    const nodes = gelu.nodes.map((node) =>
      ["Elu", "HardSwish"].includes(node.operator)
        ? node
        : (smoothToRelu({ ...gelu, nodes: [node] }).nodes[0] ?? node),
    );
    writeFileSync(file, encodeOnnx({ ...gelu, nodes }, { producerVersion: "1" }));
    const run = join(folder, "run");
    const words = ["--data-dir", data, "--epochs", "3", "--batch-size", "32", "--threads", "1", "--run", run];
    const trained = await peaHere("train", "--model", file, "--pea", "WO50%", ...words);
    assert.equal(trained.code, 0, trained.stderr);
    assert.doesNotMatch(trained.stderr, /cannot be exported|not possible/);
    const exported = await peaHere("export", run, "--json");
    assert.equal(exported.code, 0, exported.stderr);
    const { operators } = JSON.parse(exported.stdout);
    assert.deepEqual(
      [operators.Relu, operators.HardSwish, operators.Elu, operators.Sigmoid],
      [7, undefined, undefined, 1],
    );
  });
});

/** The bytes of a file with Relu in the place of x σ(x), HardSwish and Gelu; what multiplies another tensor stays. */
function withRelu(path: string, count: number): Uint8Array {
  const { ModelProto } = onnxProto.onnx;
  const model = ModelProto.decode(readFileSync(path));
  const nodes = model.graph?.node ?? [];
  const sigmoids = new Map(
    nodes.flatMap(({ opType, input, output }) =>
      opType === "Sigmoid" ? [[output?.[0] as string, input?.[0] as string]] : [],
    ),
  );
  let replaced = 0;
  for (const node of nodes) {
    const [a = "", b = ""] = node.input ?? [];
    const own = ["HardSwish", "Gelu"].includes(node.opType ?? "") || sigmoids.get(b) === a;
    if (!own) continue;
    replaced += 1;
    Object.assign(node, { opType: "Relu", input: [a], attribute: [] });
  }
  assert.equal(replaced, count);
  return ModelProto.encode(model).finish();
}
