/** Files for compilers and runtimes of others: the form that each takes, and how to go on from there. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import type { Graph } from "@pea/graph";
import { Conv2d, manualSeed, randn, Sequential, SiLU, setNumThreads, type Tensor } from "@pea/torch";
import { exportNetwork } from "../../../src/export/export.ts";
import { readOnnx } from "../../../src/export/onnx/decode.ts";
import { plainPads } from "../../../src/export/toolchains/plain-pads.ts";
import { toolchains } from "../../../src/export/toolchains/toolchains.ts";
import { createModel } from "../../../src/models/index.ts";
import { readTflite } from "../../support/tflite-reader.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";

setNumThreads(1);
const folder = temporaryFolder();
const pathOf = (name: string) => join(folder, name);
const readmeOf = (name: string) => readFileSync(join(pathOf(name), "README.md"), "utf8");
const verified = new Map<string, readonly string[]>();
let images: Tensor;

before(async () => {
  manualSeed(1);
  // Its strides of 2 pad one side more than the other, by a layer of their own.
  const model = createModel("resnet8", { inputChannels: 3 });
  model.eval();
  images = randn([8, 3, 32, 32]);
  for (const { name } of toolchains) {
    const how = { target: name, inputs: images, trainingImages: images };
    verified.set(name, (await exportNetwork(model, pathOf(name), how)).verified);
  }
});

const formOf = (name: string) => toolchains.find((each) => each.name === name)?.form;
const onnxFiles = { onnx: "model.onnx", "onnx-int8": "model-int8.onnx" } as const;
const readFile = async (name: string): Promise<Graph> => {
  const form = formOf(name);
  assert.ok(form === "onnx" || form === "onnx-int8");
  return (await readOnnx(join(pathOf(name), onnxFiles[form]))).graph;
};

describe("a folder with the file and a README", () => {
  for (const [names, files] of [
    [
      ["esp32", "ncnn"],
      ["README.md", "model.onnx"],
    ],
    [
      ["openvino", "rknn", "tvm", "iree"],
      ["README.md", "model-int8.onnx"],
    ],
    [["stm32"], ["README.md", "golden", "model.tflite"]],
  ] as const)
    for (const name of names)
      test(name, () => {
        assert.deepEqual(readdirSync(pathOf(name)).sort(), files);
        assert.match(readmeOf(name), new RegExp(`^# ${files.at(-1)} for `));
      });

  test("which are all that there are", () => {
    assert.deepEqual(toolchains.map(({ name }) => name).sort(), readdirSync(folder).sort());
  });
});

describe("the file is as the toolchain wants it", () => {
  for (const [name, batch] of [
    ["esp32", 1],
    ["ncnn", 1],
    ["rknn", 1],
    ["openvino", "batch"],
    ["tvm", "batch"],
    ["iree", "batch"],
  ] as const)
    test(`${name}: ${batch === 1 ? "one image at a time" : "any number of images"}, no padding and no batch norm of their own`, async () => {
      const { inputs, nodes } = await readFile(name);
      assert.deepEqual(inputs[0]?.shape, [batch, 3, 32, 32]);
      const operators = new Set(nodes.map(({ operator }) => operator));
      assert.ok(!operators.has("Pad") && !operators.has("BatchNormalization"), [...operators].join());
      const padded = nodes.filter(
        ({ operator, attributes }) => operator === "Conv" && String(attributes.pads) === "0,0,1,1",
      );
      assert.equal(padded.length, 2);
      assert.equal(operators.has("QuantizeLinear"), formOf(name) === "onnx-int8");
    });

  test("stm32: TensorFlow Lite of int8, for one image", () => {
    const { tensors, inputs } = readTflite(readFileSync(join(pathOf("stm32"), "model.tflite")));
    const input = tensors[inputs[0] ?? 0];
    assert.deepEqual([input?.type, [...(input?.shape ?? [])]], ["INT8", [1, 32, 32, 3]]);
  });
});

describe("the README", () => {
  test("has the network's own names and sizes in its commands", () => {
    assert.match(readmeOf("ncnn"), /^pnnx model\.onnx 'inputshape=\[1,3,32,32\]' fp16=0$/m);
    assert.match(readmeOf("ncnn"), /load_param\("model\.ncnn\.param"\)/);
    assert.match(readmeOf("esp32"), /input_shape=\[1,3,32,32\], target="esp32s3"/);
    assert.match(readmeOf("rknn"), /load_onnx\(model="model-int8\.onnx"\)/);
    assert.match(readmeOf("iree"), /^iree-import-onnx model-int8\.onnx -o model-int8\.mlir$/m);
    assert.match(readmeOf("openvino"), /float32 \[count, 3, 32, 32\]/);
    for (const { name } of toolchains) assert.doesNotMatch(readmeOf(name), /FILE|STEM|SHAPE/);
  });

  test("says what it was tried in, and so does the command", () => {
    assert.match(readmeOf("openvino"), /^- Tried in openvino==\d/m);
    assert.match(readmeOf("stm32"), /^- Not tried: /m);
    for (const { name, apart } of toolchains)
      assert.match(verified.get(name)?.at(-1) ?? "", apart ? /^Tried in / : /^Not tried: /, name);
  });

  test("names the versions that the tests of toolchains run", () => {
    const scripts = join(import.meta.dirname, "../../../../../scripts");
    const pinned = ["toolchains-requirements.txt", "toolchains-torch-requirements.txt"]
      .map((name) => readFileSync(join(scripts, name), "utf8"))
      .join("\n")
      .split("\n");
    for (const { name, packages, apart } of toolchains) {
      assert.equal(packages.length > 0, apart !== undefined, name);
      for (const wanted of packages)
        assert.ok(pinned.includes(wanted), `${wanted} of ${name} is not installed`);
    }
  });
});

describe("padding", () => {
  const pad = (attributes: Record<string, unknown>) =>
    ({ operator: "Pad", inputs: ["x"], outputs: ["p"], attributes, path: "pad" }) as const;
  const graph = (node: ReturnType<typeof pad>): Graph => ({
    inputs: [{ name: "x", shape: [1, 1, 4, 4] }],
    outputs: ["y"],
    nodes: [
      node as Graph["nodes"][number],
      { operator: "Relu", inputs: ["p"], outputs: ["y"], attributes: {}, path: "" },
    ],
    constants: new Map(),
  });
  const pads = [0, 0, 1, 1, 0, 0, 1, 1];

  test("that no layer takes tells its mode", () => {
    for (const [given, mode] of [
      [{ pads }, "constant"],
      [{ pads, mode: "reflect" }, "reflect"],
    ] as const)
      assert.equal(plainPads(graph(pad(given))).nodes[0]?.attributes.mode, mode);
  });
});

describe("what is refused leaves nothing", () => {
  test("a smooth activation", async () => {
    for (const target of ["ncnn", "openvino", "stm32"]) {
      const path = pathOf(`smooth-${target}`);
      const model = new Sequential(new Conv2d(3, 4, 3), new SiLU());
      const how = { target, inputs: images, trainingImages: images };
      await assert.rejects(exportNetwork(model, path, how), { name: "PeaError", message: /SiLU/ });
      assert.ok(!existsSync(path));
    }
  });

  test("settings that the form does not have", async () => {
    const model = new Sequential(new Conv2d(3, 4, 3));
    const path = pathOf("refused");
    const asked = (target: string, form: object) =>
      exportNetwork(model, path, { target, inputs: images, trainingImages: images, ...form });
    await assert.rejects(asked("ncnn", { activations: "int8" }), {
      kind: "usage",
      message: /activations is of targets that compute in integers, and ncnn computes in floats/,
    });
    await assert.rejects(asked("openvino", { inputType: "int8" }), { kind: "usage", message: /inputType/ });
    await assert.rejects(asked("stm32", { activations: "uint8" }), { kind: "usage", message: /uint8/ });
    assert.ok(!existsSync(path));
  });
});
