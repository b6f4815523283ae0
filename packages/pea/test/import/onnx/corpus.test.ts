/**
 * Files as exporters write them, by `scripts/onnx-corpus`: each imported graph gives the answer that the framework gave from
 * which the file comes.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Graph, operators } from "@pea/graph";
import { importOnnx } from "../../../src/import/onnx/import-onnx.ts";
import { largestDifference, runGraph, runOnnx, someImages, type Values } from "./run-graph.ts";

const folder = process.env.PEA_ONNX_CORPUS ?? fileURLToPath(new URL("files", import.meta.url));
const answers: Record<string, { images: number[]; shape: number[]; values: number[] }> = JSON.parse(
  readFileSync(join(folder, "answers.json"), "utf8"),
);
const files = readdirSync(folder)
  .filter((name) => name.endsWith(".onnx"))
  .sort();

const answerOf = (name: string): Values => {
  const { shape, values } = answers[name] ?? { shape: [], values: [] };
  return { shape, data: Float32Array.from(values) };
};

/** 1e-5 of the largest number of an answer, and of 1. */
const tolerance = ({ data }: Values): number =>
  1e-5 * data.reduce((most, x) => Math.max(most, Math.abs(x)), 1);

test("there is an answer for each file", () => {
  assert.ok(files.length >= 25, `${files.length} files`);
  assert.deepEqual(Object.keys(answers).sort(), files);
});

test("answers hang on the images: a wrong operator would show", () => {
  for (const [name, { values }] of Object.entries(answers)) {
    const half = values.length / 2;
    const differences = values
      .slice(0, half)
      .map((value, i) => Math.abs(value - (values[half + i] as number)));
    assert.ok(Math.max(...differences) > 2e-4, `${name}: ${Math.max(...differences)}`);
  }
});

describe("a file's graph", () => {
  for (const name of files)
    test(`${name} gives the framework's answer, to 1, 2 and 7 images alike`, async () => {
      const { graph } = await importOnnx(join(folder, name));
      assertPlain(graph);
      const answer = answerOf(name);
      const [, ...image] = answers[name]?.images ?? [];
      const two = await runGraph(graph, someImages([2, ...image]));
      assert.ok(largestDifference(two, answer) <= tolerance(answer), `${largestDifference(two, answer)}`);
      const seven = await runGraph(graph, someImages([7, ...image]));
      const one = await runGraph(graph, someImages([1, ...image]));
      for (const each of [one, two]) {
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
