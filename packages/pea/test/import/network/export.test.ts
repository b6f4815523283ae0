/** Networks of files as exporters write them are exported again, ReLU in the place of what is smooth. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { smoothToRelu } from "@pea/graph";
import { noGrad, scope, setNumThreads, type Tensor, tensor } from "@pea/torch";
import { exportNetwork } from "../../../src/export/export.ts";
import { GraphNetwork } from "../../../src/import/network/graph-network.ts";
import { importOnnx } from "../../../src/import/onnx/import-onnx.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";
import { files, folder, imagesFor } from "../onnx/corpus-files.ts";
import { largestDifference, runOnnx, someImages, type Values } from "../onnx/run-graph.ts";

/** What no ReLU takes the place of: files of each kind of activation there is, and products of what is computed. */
function refusalOf(name: string): RegExp | undefined {
  if (name === "activations.keras.onnx") return /Softplus behind \S+ is an activation/;
  if (name.startsWith("windows.")) return /MatMul behind \S+ multiplies or divides what was computed/;
  return name.startsWith("activations.") && !name.includes("paddle")
    ? /Tanh behind \S+ is an activation/
    : undefined;
}

setNumThreads(1);
const exported = join(temporaryFolder(), "again.onnx");

const imagesOf = (name: string, count: number): Values => someImages(imagesFor(name, count));

async function deployed(name: string): Promise<GraphNetwork> {
  const { graph } = await importOnnx(join(folder, name));
  return new GraphNetwork(smoothToRelu(graph)).eval();
}

for (const name of files.filter((each) => refusalOf(each) === undefined))
  test(`${name} is exported again, verified, and takes 1, 2 and 7 images`, async () => {
    const network = await deployed(name);
    const inputs = tensorOf(imagesOf(name, 5));
    const { largestDifference: difference, allowed } = await exportNetwork(network, exported, { inputs });
    assert.ok(difference <= allowed);
    for (const count of [1, 2, 7]) {
      const images = imagesOf(name, count);
      const expected = scope(() => valuesOf(noGrad(() => network.forward(tensorOf(images)))));
      assert.ok(largestDifference(await runOnnx(exported, images), expected) <= allowed, `${count} images`);
    }
  });

for (const name of files.filter((each) => refusalOf(each) !== undefined))
  test(`${name} is not, by name`, async () => {
    const network = await deployed(name);
    const inputs = tensorOf(imagesOf(name, 2));
    await assert.rejects(exportNetwork(network, exported, { inputs }), refusalOf(name) as RegExp);
  });

const tensorOf = ({ data, shape }: Values): Tensor => tensor(data, { shape });

const valuesOf = (answer: Tensor): Values => ({
  shape: answer.shape,
  data: answer.toTypedArray() as Float32Array,
});
