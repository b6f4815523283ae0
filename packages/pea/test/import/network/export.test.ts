/** Networks of files as exporters write them are exported again, ReLU in the place of what is smooth. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { smoothToRelu } from "@pea/graph";
import { noGrad, scope, setNumThreads, type Tensor, tensor } from "@pea/torch";
import { exportNetwork } from "../../../src/export/export.ts";
import { GraphNetwork } from "../../../src/import/network/graph-network.ts";
import { importOnnx } from "../../../src/import/onnx/import-onnx.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";
import { largestDifference, runOnnx, someImages, type Values } from "../onnx/run-graph.ts";

/** What no ReLU takes the place of: files of each kind of activation there is, and products of what is computed. */
const refused: Readonly<Record<string, RegExp>> = {
  "activations.keep.onnx": /Tanh is an activation/,
  "activations.keras.onnx": /Softplus is an activation/,
  "activations.new.onnx": /Tanh is an activation/,
  "activations.opset24.onnx": /Tanh is an activation/,
  "windows.keep.onnx": /MatMul multiplies or divides what was computed/,
  "windows.new.onnx": /MatMul multiplies or divides what was computed/,
  "windows.single.onnx": /MatMul multiplies or divides what was computed/,
};

setNumThreads(1);
const files = fileURLToPath(new URL("../onnx/files", import.meta.url));
const answers: Record<string, { images: number[] }> = JSON.parse(
  readFileSync(join(files, "answers.json"), "utf8"),
);
const exported = join(temporaryFolder(), "again.onnx");

const imagesFor = (name: string, count: number): Values =>
  someImages([count, ...(answers[name]?.images.slice(1) ?? [])]);

async function deployed(name: string): Promise<GraphNetwork> {
  const { graph } = await importOnnx(join(files, name));
  return new GraphNetwork(smoothToRelu(graph)).eval();
}

const names = readdirSync(files).filter((name) => name.endsWith(".onnx"));

for (const name of names.filter((each) => refused[each] === undefined))
  test(`${name} is exported again, verified, and takes 1, 2 and 7 images`, async () => {
    const network = await deployed(name);
    const inputs = tensorOf(imagesFor(name, 5));
    const { largestDifference: difference, allowed } = await exportNetwork(network, exported, { inputs });
    assert.ok(difference <= allowed);
    for (const count of [1, 2, 7]) {
      const images = imagesFor(name, count);
      const expected = scope(() => valuesOf(noGrad(() => network.forward(tensorOf(images)))));
      assert.ok(largestDifference(await runOnnx(exported, images), expected) <= allowed, `${count} images`);
    }
  });

for (const [name, reason] of Object.entries(refused))
  test(`${name} is not, by name`, async () => {
    const network = await deployed(name);
    const inputs = tensorOf(imagesFor(name, 2));
    await assert.rejects(exportNetwork(network, exported, { inputs }), reason);
  });

const tensorOf = ({ data, shape }: Values): Tensor => tensor(data, { shape });

const valuesOf = (answer: Tensor): Values => ({
  shape: answer.shape,
  data: answer.toTypedArray() as Float32Array,
});
