/** Networks of files as exporters write them compute what their frameworks did, and all that they hold is trained. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { backward, mean, mul, noGrad, type Tensor, tensor } from "@pea/torch";
import { GraphNetwork } from "../../../src/import/network/graph-network.ts";
import { importOnnx } from "../../../src/import/onnx/import-onnx.ts";
import { largestDifference, someImages, type Values } from "../onnx/run-graph.ts";

const folder = fileURLToPath(new URL("../onnx/files", import.meta.url));
const answers: Record<string, { images: number[]; shape: number[]; values: number[] }> = JSON.parse(
  readFileSync(join(folder, "answers.json"), "utf8"),
);

const imagesOf = (name: string, count: number): Tensor => {
  const { shape, data } = someImages([count, ...(answers[name]?.images.slice(1) ?? [])]);
  return tensor(data, { shape });
};
const valuesOf = (answer: Tensor): Values => ({
  shape: answer.shape,
  data: answer.toTypedArray() as Float32Array,
});

for (const name of readdirSync(folder).filter((each) => each.endsWith(".onnx"))) {
  test(`${name}: the framework's answers, to 1, 2 and 7 images alike`, async () => {
    const network = new GraphNetwork((await importOnnx(join(folder, name))).graph).eval();
    const { shape = [], values = [] } = answers[name] ?? {};
    const expected: Values = { shape, data: Float32Array.from(values) };
    const allowed = 1e-5 * values.reduce((most, each) => Math.max(most, Math.abs(each)), 1);
    const [one, two, seven] = [1, 2, 7].map((count) =>
      noGrad(() => valuesOf(network.forward(imagesOf(name, count)))),
    ) as [Values, Values, Values];
    const difference = largestDifference(two, expected);
    assert.ok(difference <= allowed, `${difference} > ${allowed}`);
    for (const fewer of [one, two]) {
      const same = { ...fewer, data: seven.data.subarray(0, fewer.data.length) };
      assert.ok(largestDifference(fewer, same) <= allowed);
    }
  });

  test(`${name}: gradients reach every parameter`, async () => {
    const network = new GraphNetwork((await importOnnx(join(folder, name))).graph);
    const answer = network.forward(imagesOf(name, 4));
    backward(mean(mul(answer, answer)));
    const without = [...network.namedParameters()]
      .filter(([, { grad }]) => grad === null)
      .map(([key]) => key);
    assert.deepEqual(without, []);
  });
}
