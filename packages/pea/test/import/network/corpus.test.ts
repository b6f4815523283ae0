/** Networks of files as exporters write them compute what their frameworks did, and all that they hold is trained. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { backward, mean, mul, noGrad, type Tensor, tensor } from "@pea/torch";
import { GraphNetwork } from "../../../src/import/network/graph-network.ts";
import { importOnnx } from "../../../src/import/onnx/import-onnx.ts";
import { answerOf, files, folder, imagesFor, tolerance } from "../onnx/corpus-files.ts";
import { largestDifference, someImages, type Values } from "../onnx/run-graph.ts";

const imagesOf = (name: string, count: number): Tensor => {
  const { shape, data } = someImages(imagesFor(name, count));
  return tensor(data, { shape });
};
const valuesOf = (answer: Tensor): Values => ({
  shape: answer.shape,
  data: answer.toTypedArray() as Float32Array,
});

for (const name of files) {
  test(`${name}: the framework's answers, to 1, 2 and 7 images alike`, async () => {
    const network = new GraphNetwork((await importOnnx(join(folder, name))).graph).eval();
    const expected = answerOf(name);
    const allowed = tolerance(expected);
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
