/** Files of TensorFlow Lite, read back from their bytes. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Integers, interpret, numbersOf, type Quantization, type QuantizedGraph } from "@pea/graph";
import { tensor } from "@pea/torch";
import { forNpu } from "../../../src/export/ethos-u/ethos-u-target.ts";
import { decodeTflite } from "../../../src/export/tflite/decode.ts";
import { encodeTflite } from "../../../src/export/tflite/encode.ts";
import type { TfliteModel, TfliteTensor } from "../../../src/export/tflite/model.ts";
import { readTflite } from "../../../src/export/tflite/read-tflite.ts";
import { verifyTflite } from "../../../src/export/tflite/verify-tflite.ts";
import { lowerToTflite, type TfliteForm, writeTflite } from "../../../src/export/tflite/write-tflite.ts";
import { singleOperators } from "../../support/quantized-cases.ts";
import { type QuantizedRun, runOf, singleRuns } from "../../support/quantized-runs.ts";
import { dilatedRuns, stridedRuns } from "../../support/rewrite-cases.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";

const quantizationOf = (graph: QuantizedGraph, name = ""): Quantization =>
  graph.quantizations.get(name) as Quantization;

/** The outputs for the first sample of a run. */
function outputsOf(graph: QuantizedGraph, { inputs, samples }: QuantizedRun): Integers[] {
  const [{ name = "" } = {}] = graph.inputs;
  const values = interpret(graph, new Map([[name, inputs.subarray(0, inputs.length / samples)]]));
  return graph.outputs.map((output) => values.get(output)?.data as Integers);
}

describe("what is read back computes the same integers as what was written", () => {
  for (const run of singleRuns)
    test(run.name, () => {
      const isWide = run.inputs instanceof Int16Array;
      const forms: TfliteForm[] = [
        {},
        { inputType: isWide ? "float32" : "uint8", outputType: "float32", metadata: { classes: "[½]" } },
      ];
      for (const form of forms) {
        const file = writeTflite(run.graph, form);
        assert.deepEqual(encodeTflite(decodeTflite(file)), file);
        const graph = readTflite(file);
        assert.deepEqual(outputsOf(graph, run), outputsOf(run.graph, run));
        const [[input], [own]] = [graph.inputs, run.graph.inputs];
        assert.deepEqual(quantizationOf(graph, input?.name), quantizationOf(run.graph, own?.name));
      }
    });

  for (const run of [...dilatedRuns, ...stridedRuns])
    test(`${run.name}, in the form for NPUs`, () => {
      const graph = readTflite(writeTflite(forNpu(run.graph).graph));
      assert.deepEqual(outputsOf(graph, run), outputsOf(run.graph, run));
    });
});

/** A convolution of stride 2 whose padding is an operator, in a file that somebody has changed. */
const run = runOf(
  "Conv",
  (singleOperators["Conv 3×3 stride 2 padded on both sides"] as () => QuantizedGraph)(),
  1,
  9,
);
const changed = (change: (model: TfliteModel) => TfliteModel, form: TfliteForm = {}) =>
  readTflite(encodeTflite(change(lowerToTflite(run.graph, form))));
const withTensors = (change: (tensor: TfliteTensor) => TfliteTensor) => (model: TfliteModel) => ({
  ...model,
  tensors: model.tensors.map(change),
});
const isWeight = ({ type, data }: TfliteTensor) => type === "int8" && data !== undefined;

describe("a file that was written otherwise", () => {
  const shifted = withTensors((each) =>
    isWeight(each) ? { ...each, data: (each.data as Int8Array).with(5, 99) } : each,
  );

  test("computes otherwise: one weight is enough", () => {
    assert.notDeepEqual(outputsOf(changed(shifted), run), outputsOf(run.graph, run));
  });

  test("fails its verification", async () => {
    const folder = temporaryFolder();
    const numbers = numbersOf(run.inputs, quantizationOf(run.graph, "x"));
    const inputs = tensor(numbers, { shape: [1, 3, 10, 10] });
    const write = (file: Uint8Array) => writeFileSync(join(folder, "model.tflite"), file);
    const verified = () => verifyTflite(folder, { graph: run.graph, inputs } as never);
    write(writeTflite(run.graph));
    assert.deepEqual(await verified(), { readBack: { images: 1, largest: 0, mean: 0 } });
    write(encodeTflite(shifted(lowerToTflite(run.graph))));
    await assert.rejects(verified(), {
      name: "PeaError",
      message: /^read back, it is 1\.30 steps on average and 26 at most from the exact integers/,
    });
    inputs.dispose();
  });

  for (const [what, change, message] of [
    [
      "scales of weights along another axis than that of outputs",
      withTensors((each) =>
        isWeight(each)
          ? { ...each, quantization: { ...(each.quantization as Quantization), axis: 1 } }
          : each,
      ),
      /^CONV_2D for Conv0\.0: its weights have scales along axis 1, which is not that of its outputs/,
    ],
    [
      "a bias of other steps than the sums",
      withTensors((each) =>
        each.type === "int32" && each.quantization
          ? {
              ...each,
              quantization: { ...each.quantization, scales: each.quantization.scales.map((s) => 2 * s) },
            }
          : each,
      ),
      /its bias is no int32 of the scale of its input times that of its weight/,
    ],
    [
      "another padding, and so another shape",
      (model: TfliteModel) => ({
        ...model,
        operators: model.operators.map((each) =>
          each.builtin === "CONV_2D" ? { ...each, options: { ...each.options, stride_h: 1 } } : each,
        ),
      }),
      /^Conv0\.0 \(\d+\) is of 1×8×5×5, but 1×8×9×5 is computed/,
    ],
    [
      "an operator that no network leaves with",
      (model: TfliteModel) => ({
        ...model,
        operators: model.operators.map((each) =>
          each.builtin === "PAD" ? { ...each, builtin: "GELU" as const } : each,
        ),
      }),
      /^GELU is not read here/,
    ],
  ] as const)
    test(`is refused for ${what}`, () => {
      assert.throws(() => changed(change), { name: "PeaError", message });
    });

  test("is refused where its ends are other numbers than the integers behind them", () => {
    const moved = withTensors((each) =>
      each.type === "uint8" && each.quantization
        ? { ...each, quantization: { ...each.quantization, zeroPoints: Int32Array.of(7) } }
        : each,
    );
    assert.throws(() => changed(moved, { inputType: "uint8" }), {
      name: "PeaError",
      message: "x/uint8 and x do not stand for the same numbers",
    });
  });

  test("is refused where it is none", () => {
    const message = "it is no TensorFlow Lite file";
    for (const bytes of [new Uint8Array(), new Uint8Array(64)])
      assert.throws(() => readTflite(bytes), { name: "PeaError", message });
  });
});
