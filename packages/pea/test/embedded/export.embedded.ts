/** `pea export` beside LiteRT. */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { manualSeed, randn, setNumThreads } from "@pea/torch";
import { exportNetwork, type NetworkOptions } from "../../src/export/export.ts";
import { openLiteRt } from "../../src/export/tflite/litert.ts";
import type { LiteRtProof } from "../../src/export/tflite/verify-by-litert.ts";
import { createModel } from "../../src/models/index.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

setNumThreads(1);
const litert = process.env.PEA_EMBEDDED_PYTHON ?? "python3";
const folder = temporaryFolder();
const erfnet: [string, number[]] = ["erfnet-segmentation-0.25", [4, 3, 32, 64]];

async function exported(
  name: string,
  form: Partial<NetworkOptions>,
  [model, shape]: [string, number[]] = ["mobilenet-0.1-small", [4, 3, 28, 28]],
) {
  manualSeed(1);
  const network = createModel(model);
  const inputs = randn(shape);
  const file = join(folder, name);
  const options = { inputs, trainingImages: inputs, litert, ...form };
  return { file, inputs, ...((await exportNetwork(network, file, options)) as LiteRtProof) };
}

describe("LiteRT's reference kernels compute the exact integers of what is exported", () => {
  for (const [name, form] of Object.entries({
    "integers at the ends": { target: "tflite" },
    "bytes and floats at the ends": { target: "tflite", inputType: "uint8", outputType: "float32" },
    "16 bits": { target: "tflite", activations: "int16" },
    microcontrollers: { target: "tflm" },
    "an NPU": { target: "ethos-u55" },
  } satisfies Record<string, Partial<NetworkOptions>>))
    test(name, async () => {
      const { litert: proof } = await exported(name, form);
      assert.deepEqual(proof?.quanta, { images: 4, largest: 0, mean: 0 });
      assert.match(proof?.version ?? "", /^\d+\.\d+/);
    });

  test("answers for each pixel come back with channels before rows", async () => {
    const { file, inputs } = await exported("pixels", { target: "tflite" }, erfnet);
    const session = await openLiteRt(litert, join(file, "model.tflite"));
    const { shape, values } = await session.run(inputs.toTypedArray() as Float32Array, inputs.shape);
    assert.deepEqual(shape, [4, 19, 32, 64]);
    assert.equal(values.length, 4 * 19 * 32 * 64);
    await session.release();
  });

  test("a Python without it is named, and nothing is written", async () => {
    const isolated = join(folder, "isolated");
    writeFileSync(isolated, '#!/bin/sh\nexec python3 -S -E "$@"\n', { mode: 0o755 });
    await assert.rejects(exported("none", { target: "tflite", litert: isolated }), {
      name: "PeaError",
      kind: "usage",
      message: /has no LiteRT \(.*No module named.*\); name a Python that has it with --litert PATH/,
    });
    assert.ok(!existsSync(join(folder, "none")));
  });
});
