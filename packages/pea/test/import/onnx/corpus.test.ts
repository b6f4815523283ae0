/**
 * Files as exporters write them, by `scripts/onnx-corpus`: each imported graph gives the answer that the framework gave from
 * which the file comes.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Graph, operators } from "@pea/graph";
import { importOnnx } from "../../../src/import/onnx/import-onnx.ts";
import { answerOf, answers, files, folder, imagesFor, tolerance } from "./corpus-files.ts";
import { largestDifference, runGraph, runOnnx, someImages } from "./run-graph.ts";

test("there is an answer for each file", () => {
  assert.ok(files.length >= 25, `${files.length} files`);
  assert.deepEqual(Object.keys(answers).sort(), files);
});

test("answers hang on the images: a wrong operator would show", () => {
  for (const name of files) {
    const answer = answerOf(name);
    const half = answer.data.length / 2;
    const differences = answer.data.map((value, i) => Math.abs(value - (answer.data[half + i] ?? value)));
    const largest = Math.max(...differences);
    assert.ok(largest > 10 * tolerance(answer), `${name}: ${largest}`);
  }
});

describe("a file's graph", () => {
  for (const name of files)
    test(`${name} gives the framework's answer, to 1, 2 and 7 images alike`, async () => {
      const { graph } = await importOnnx(join(folder, name));
      assertPlain(graph);
      const answer = answerOf(name);
      const answerTo = (count: number) => runGraph(graph, someImages(imagesFor(name, count)));
      const two = await answerTo(2);
      assert.ok(largestDifference(two, answer) <= tolerance(answer), `${largestDifference(two, answer)}`);
      const seven = await answerTo(7);
      for (const each of [await answerTo(1), two]) {
        const same = seven.data.subarray(0, each.data.length);
        assert.ok(largestDifference(each, { ...each, data: same }) <= tolerance(answer));
      }
    });
});

/** Of the vocabulary alone, one image in, weights under keys of their own. */
function assertPlain({ inputs, nodes, constants }: Graph): void {
  assert.equal(inputs.length, 1);
  assert.equal(inputs[0]?.shape[0], "batch");
  assert.ok([1, 3].includes(Number(inputs[0]?.shape[1])), "channels first");
  for (const { operator, opaque } of nodes) assert.ok(operators.has(operator) && opaque === undefined);
  for (const { operator, path } of nodes) {
    if (["Conv", "Gemm", "BatchNormalization", "Relu", "Swish"].includes(operator)) assert.notEqual(path, "");
  }
  for (const { data } of constants.values()) assert.ok(data instanceof Float32Array || data.length === 1);
}

test("ONNX Runtime agrees on a file whose batch is open, of 1, 2 and 7 images", async () => {
  const path = join(folder, "efficientnet.keep.onnx");
  const { graph } = await importOnnx(path);
  for (const count of [1, 2, 7]) {
    const images = someImages([count, 3, 32, 32]);
    assert.ok(largestDifference(await runGraph(graph, images), await runOnnx(path, images)) <= 1e-5);
  }
});
